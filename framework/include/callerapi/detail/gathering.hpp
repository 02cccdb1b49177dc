#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "callerapi/call.hpp"

namespace callerapi::detail {

struct CallParts {
  template <class T>
  static std::pair<std::shared_ptr<CallCore>, typename Call<T>::Decode> of(Call<T>&& call) {
    if constexpr (std::is_same_v<T, Response>)
      if (!call.decode_)
        return {call.release(), [](Result<Response> response) { return response; }};
    return {call.release(), std::move(call.decode_)};
  }
};

/// Several calls as one: ends when all have ended or, for `first_ok`, with the first success. Each
/// result is read where the one face of the whole is served: on the waiting thread or on the
/// executor. Thread-safe.
template <class T>
class Gathering final : public CallCore, public std::enable_shared_from_this<Gathering<T>> {
 public:
  using Results = std::vector<std::optional<Result<T>>>;

  /// More than `failures_max` failures cancel what still runs.
  Gathering(std::vector<Call<T>> calls, bool first_ok, std::size_t failures_max)
      : first_ok_(first_ok), failures_max_(failures_max), results_(calls.size()) {
    parts_.reserve(calls.size());
    for (Call<T>& call : calls) parts_.push_back(CallParts::of(std::move(call)));
  }

  bool done() const noexcept override {
    return std::ranges::all_of(parts_, [](const auto& part) { return part.first->done(); });
  }
  void cancel() noexcept override {
    for (const auto& [core, decode] : parts_) core->cancel();
  }
  void discard() noexcept override { discard_but(parts_.size()); }
  Result<void> may_wait() const override {
    for (const auto& [core, decode] : parts_)
      if (auto may = core->may_wait(); !may) return may;
    return {};
  }

  Result<Response> wait() override {
    if (auto may = may_wait(); !may) return std::move(may).error();
    struct Arrivals {
      std::mutex mutex;
      std::condition_variable news;
      std::deque<std::pair<std::size_t, Result<Response>>> line;
    };
    const auto arrivals = std::make_shared<Arrivals>();
    for (std::size_t i = 0; i < parts_.size(); ++i)
      parts_[i].first->on_done_here([arrivals, i](Result<Response> response) {
        const std::lock_guard lock(arrivals->mutex);
        arrivals->line.emplace_back(i, std::move(response));
        arrivals->news.notify_one();
      });
    for (bool last = parts_.empty(); !last;) {
      std::unique_lock lock(arrivals->mutex);
      arrivals->news.wait(lock, [&] { return !arrivals->line.empty(); });
      auto [i, response] = std::move(arrivals->line.front());
      arrivals->line.pop_front();
      lock.unlock();
      last = take(i, parts_[i].second(std::move(response)));
    }
    return Response{};
  }

  void on_done(Continuation f) override { serve(std::move(f), &CallCore::on_done); }
  void on_done_here(Continuation f) override { serve(std::move(f), &CallCore::on_done_here); }

  /// After the end: what there is; of calls that ended after it, nothing.
  Results take_results() {
    const std::lock_guard lock(mutex_);
    return std::move(results_);
  }

 private:
  void serve(Continuation f, void (CallCore::*when)(Continuation)) {
    if (parts_.empty()) return f(Response{});
    const auto told = std::make_shared<Continuation>(std::move(f));
    const auto self = this->shared_from_this();
    for (std::size_t i = 0; i < parts_.size(); ++i)
      (parts_[i].first.get()->*when)([self, told, i](Result<Response> response) {
        if (self->take(i, self->parts_[i].second(std::move(response)))) (*told)(Response{});
      });
  }

  /// True once: this result is the end of the whole.
  bool take(std::size_t i, Result<T> result) {
    bool last = false, won = false, lost = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return false;
      const bool good = result.has_value();
      failures_ += good ? 0 : 1;
      results_[i].emplace(std::move(result));
      ++taken_;
      won = first_ok_ && good;
      lost = failures_ > failures_max_;
      last = ended_ = won || taken_ == parts_.size();
    }
    if (won) discard_but(i);
    if (lost) cancel();
    return last;
  }

  void discard_but(std::size_t kept) noexcept {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (i != kept) parts_[i].first->discard();
  }

  const bool first_ok_;
  const std::size_t failures_max_;
  std::vector<std::pair<std::shared_ptr<CallCore>, typename Call<T>::Decode>> parts_;
  std::mutex mutex_;
  Results results_;
  std::size_t taken_ = 0, failures_ = 0;
  bool ended_ = false;
};

/// Calls of different types are gathered as responses; each is read by its own type at the end.
template <std::size_t... I, class... T>
Call<std::tuple<Result<T>...>> when_all_of(std::index_sequence<I...>, Call<T>... calls) {
  auto parts = std::make_shared<
      std::tuple<std::pair<std::shared_ptr<CallCore>, typename Call<T>::Decode>...>>(
      CallParts::of(std::move(calls))...);
  std::vector<Call<Response>> raw;
  raw.reserve(sizeof...(T));
  (raw.emplace_back(std::get<I>(*parts).first, [](Result<Response> r) { return r; }), ...);
  auto all = std::make_shared<Gathering<Response>>(std::move(raw), false, sizeof...(T));
  return {all, [all, parts](Result<Response> whole) -> Result<std::tuple<Result<T>...>> {
            if (!whole) return std::move(whole).error();
            auto results = all->take_results();
            return std::tuple<Result<T>...>(std::get<I>(*parts).second(std::move(*results[I]))...);
          }};
}

}  // namespace callerapi::detail
