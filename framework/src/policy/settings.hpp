#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/deadline.hpp"
#include "policy/header_names.hpp"
#include "policy/limits.hpp"

namespace callerapi::policy {

using namespace std::chrono_literals;

/// Whether a rule decides, only counts what it would have decided, or rests.
enum class Mode : std::uint8_t { off, dark, on };

/// Semantics S2. Unset means: derived, see attempt_of().
struct Timeouts {
  Duration total = 30s;
  std::optional<Duration> attempt;
  Duration acquire = 1s;       ///< Waiting for a connection of a full pool. 0: off.
  Duration write_stall = 10s;  ///< No byte could be written for so long. 0: off.
  std::optional<Duration> first_byte;
  Duration read_idle = 10s;    ///< No byte arrived for so long while a response is read. 0: off.
  Duration stream_idle = 60s;  ///< The same of a streamed body, in place of all others. 0: off.

  bool operator==(const Timeouts&) const = default;
};

/// Semantics S5.
struct Retry {
  int max_attempts = 2;
  Duration base = 50ms, cap = 2s;
  Duration throttle_base = 1s, throttle_cap = 20s;
  Duration max_retry_after = 30s;
  bool on_500 = false;
  std::size_t replay_buffer = 64u << 10;  ///< Of a body that can be read once; longer ones are not.

  bool operator==(const Retry&) const = default;
};

/// Semantics S6.
struct BudgetTerms {
  int ratio_permille = 100;  ///< Retries per thousand first attempts.
  int min_per_second = 1;    ///< Allowed however few first attempts there are.

  bool operator==(const BudgetTerms&) const = default;
};

enum class BreakerMode : std::uint8_t { off, dark, on, forced_open, forced_closed };

/// Semantics S7.
struct BreakerTerms {
  BreakerMode mode = BreakerMode::on;
  Duration window = 30s;
  int min_calls = 20;
  int failure_permille = 800;     ///< Opens at this share of min_calls and more,
  int consecutive_failures = 40;  ///< or at so many one after the other.
  Duration open = 5s, open_max = 15s;
  int half_open_permits = 5;

  bool operator==(const BreakerTerms&) const = default;
};

enum class BalancePolicy : std::uint8_t {
  p2c_ewma,       ///< The cheaper of two, by latency and calls under way.
  round_robin,    ///< In turn, by weight.
  least_request,  ///< The one of two with fewer calls under way.
  first,          ///< In the order written: the next only where the one before is out.
  ring_hash,      ///< The one that the key of the call belongs to; without a key as p2c_ewma.
};

/// Semantics S9.
struct Balance {
  BalancePolicy policy = BalancePolicy::p2c_ewma;
  Duration slow_start = 10s;  ///< From a tenth to the full weight after an ejection. 0: at once.

  bool operator==(const Balance&) const = default;
};

enum class EjectionMode : std::uint8_t {
  off,
  dark,  ///< Counted and shown, but nobody is left out.
  on,
};

/// Semantics S8.
struct Ejection {
  EjectionMode mode = EjectionMode::on;
  int consecutive_failures = 5;
  Duration base = 10s, max = 300s;
  int max_percent = 50;  ///< Of the instances; of two or more, one at least.

  bool operator==(const Ejection&) const = default;
};

/// Semantics S8: asking each instance of a service whether it is well.
struct CheckTerms {
  std::string path;  ///< Of a GET; empty: nobody is asked.
  Duration interval = 5s, timeout = 2s;
  int unhealthy_after = 3, healthy_after = 2;  ///< Answers in a row.

  bool operator==(const CheckTerms&) const = default;
};

/// Semantics S10.
struct HedgeTerms {
  int max_hedges = 0;           ///< Second requests of one call; 0: off.
  int max_extra_permille = 50;  ///< Of the calls of a service that are asked twice at most.

  bool operator==(const HedgeTerms&) const = default;
};

/// What one endpoint of one service is called with, every level of the registry applied. Calls
/// point to it.
struct Settings {
  Timeouts timeouts;
  Retry retry;
  LimitSettings limits;  ///< This and the next five: the same for all endpoints of a service.
  BudgetTerms budget;
  BreakerTerms breaker;
  Balance balance;
  Ejection ejection;
  CheckTerms check;
  HedgeTerms hedge;
  std::size_t response_bytes_max = 16u << 20;  ///< Body kept in memory; a BodySink has no limit.
  std::size_t response_head_bytes_max = 64u << 10;
  std::size_t response_min_rate = 0;  ///< Bytes a second of an answer at least. 0: off.
  bool request_gzip = false;          ///< Send bodies of some size gzip-coded.
  bool request_id = false;            ///< Send an X-Request-Id and refuse an answer with another.
  Mode deadline_mode = Mode::on;      ///< What a Context's deadline does; off: none is sent either.
  bool attempts_left = false;         ///< Send a Context's allowance as Caller-Attempts-Left.
  bool bare_lf = false;               ///< See wire::ReaderLimits.
  bool obs_fold = false;
  ServiceHeaderNames names;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Added where the call has none.
  /// The host's [clamps], which bound the options of a call as well.
  std::optional<Duration> total_max;
  std::optional<int> attempts_max;

  bool operator==(const Settings&) const = default;

  /// attempt = total for endpoints that are never retried, else min(10 s, total).
  Duration attempt_of(Duration total, bool may_retry) const noexcept {
    if (timeouts.attempt) return std::min(*timeouts.attempt, total);
    return may_retry ? std::min<Duration>(10s, total) : total;
  }
};

}  // namespace callerapi::policy
