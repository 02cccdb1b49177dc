#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "callerapi/call.hpp"
#include "callerapi/detail/gathering.hpp"

/// Several calls at once. They run from the moment each was started; what these functions give is
/// one handle on all of them, with every face of a Call; it is done() when all have ended. For one
/// deadline over all, start them under one Context, or with the same Request::deadline().
namespace callerapi {

/// No number of failures cancels the rest.
inline constexpr std::size_t any_failures = std::numeric_limits<std::size_t>::max();

/// Ends when all have ended; the results stand in the order of the calls. More than `failures_max`
/// failures cancel those that still run, which then read `cancelled`. Cancelling or dropping the
/// handle cancels all. Errors of the whole: `forked`, `invalid_argument` with reason
/// `would_deadlock`; what a call came to is its own element.
template <class T>
Call<std::vector<Result<T>>> when_all(std::vector<Call<T>> calls,
                                      std::size_t failures_max = any_failures) {
  auto all = std::make_shared<detail::Gathering<T>>(std::move(calls), false, failures_max);
  return {all, [all](Result<Response> whole) -> Result<std::vector<Result<T>>> {
            if (!whole) return std::move(whole).error();
            std::vector<Result<T>> results;
            for (auto& one : all->take_results()) results.push_back(std::move(*one));
            return results;
          }};
}

/// The same for calls of different types, without a limit of failures.
template <class... T>
Call<std::tuple<Result<T>...>> when_all(Call<T>... calls) {
  return detail::when_all_of(std::index_sequence_for<T...>(), std::move(calls)...);
}

/// The first success; the others are cancelled at once and not waited for. When all fail: the error
/// of the first call, its text saying how many failed. No calls at all: `invalid_argument`.
template <class T>
Call<T> first_ok(std::vector<Call<T>> calls) {
  auto all = std::make_shared<detail::Gathering<T>>(std::move(calls), true, any_failures);
  return {all, [all](Result<Response> whole) -> Result<T> {
            if (!whole) return std::move(whole).error();
            auto results = all->take_results();
            for (auto& one : results)
              if (one && *one) return std::move(*one);
            if (results.empty())
              return Error{Outcome::invalid_argument, "no_calls", "first_ok() of no calls at all"};
            Error first = std::move(*results.front()).error();
            if (results.size() > 1)
              first.message = "none of " + std::to_string(results.size()) +
                              " calls succeeded; the first: " + first.message;
            return first;
          }};
}

}  // namespace callerapi
