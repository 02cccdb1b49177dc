#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "callerapi/outcome.hpp"

namespace callerapi::base {

enum class RetryRule : std::uint8_t {
  never,
  any,         ///< Every endpoint.
  idempotent,  ///< Endpoints that may be sent twice.
  refresh,     ///< One renewal of credentials, uncounted.
  fresh,       ///< Once more on a new connection, uncounted.
  throttle,    ///< As idempotent, on the slow back-off scale.
  optional,    ///< As idempotent where retry.on_500 is set.
};
enum class Verdict : std::uint8_t { success, failure, ignore };
enum class BalanceSample : std::uint8_t { none, latency, penalty, elapsed, cooldown };

/// One line of callerapi/outcomes.inc.
struct OutcomeRow {
  Outcome outcome;
  std::string_view name;
  Sent sent;
  RetryRule retry;
  Verdict breaker;
  Verdict outlier;
  BalanceSample balance;
  Condition condition;
  std::string_view meaning;
};
struct StatusRow {
  int first, last;
  RetryRule retry;
  Verdict breaker;
  Verdict outlier;
  BalanceSample balance;
  std::string_view meaning;
};

/// Indexed by Outcome.
std::span<const OutcomeRow> outcome_rows() noexcept;
std::span<const StatusRow> status_rows() noexcept;
const OutcomeRow& row_of(Outcome) noexcept;
/// The first rule that holds `status`, which is 100 to 999.
const StatusRow& row_of_status(int status) noexcept;

std::string_view name(RetryRule) noexcept;
std::string_view name(Verdict) noexcept;
std::string_view name(BalanceSample) noexcept;

}  // namespace callerapi::base
