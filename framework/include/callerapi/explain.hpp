#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/export.hpp"
#include "callerapi/outcome.hpp"
#include "callerapi/time_ledger.hpp"

namespace callerapi {

/// One attempt of a call, as it went.
struct AttemptRecord {
  int number = 1;
  std::string_view
      kind;  ///< "first", "retry", or "transparent": one that max_attempts did not count.
  std::string instance;  ///< "10.0.0.7:8080"
  TimeLedger time;       ///< Of this attempt alone; `retry` is the pause before it.
  Outcome outcome = Outcome::ok;
  int status = 0;                ///< 0: no head had arrived.
  std::string_view decision;     ///< "retry", or "end": this attempt's result is the call's.
  std::string_view stop_reason;  ///< Why there was no further one: "class", "attempts", "no_time".
  Duration wait{0};              ///< Chosen before the next attempt.
  /// First attempts and retries of the service that its retry budget then knew of.
  std::uint64_t budget_calls = 0, budget_retries = 0;
  std::string_view breaker;  ///< State of the service's breaker then: "closed".
  std::uint64_t breaker_failed = 0, breaker_total = 0;  ///< What it then counted.
};

/// What the limits of a service said to a call that came to it.
struct AdmissionRecord {
  std::string_view decision;       ///< "entered", "waited" or "refused"; empty: it did not come so
                                   ///< far.
  std::int64_t in_flight = 0;      ///< Other calls in flight that it found,
  std::int64_t in_flight_max = 0;  ///< of how many that may be for a call of its priority. 0: any.
  std::int64_t waiting = 0;        ///< Others that waited,
  std::int64_t waiting_max = 0;    ///< of how many that may be.
  std::int64_t rate = 0;           ///< Calls a second that may begin. 0: any.
  Duration waited{0};              ///< For its turn.
};

/// What happened in one call. Kept for every call that failed, was retried, or asked for it with
/// Request::explain. The times of its attempts add up to `time`. A value; holds no header and no
/// payload.
struct CallRecord {
  std::string call_id;  ///< Sent as Caller-Call-Id.
  std::string service;
  std::string endpoint;            ///< Its name; of an ad-hoc request the method.
  std::uint64_t generation = 0;    ///< Which load of the plugin served it.
  Duration deadline{0};            ///< From the start of the call; what it could take at most.
  std::string_view deadline_from;  ///< Which limit that was: "timeouts.total".
  AdmissionRecord admission;
  std::vector<AttemptRecord> attempts;
  Outcome outcome = Outcome::ok;
  int status = 0;  ///< Of a complete answer.
  TimeLedger time;
};

/// Field names whose values are credentials and never shown: Authorization, Cookie and their like.
CALLERAPI_API bool is_secret_header(std::string_view name) noexcept;

/// A request target with the values of signatures and keys in its query hidden.
CALLERAPI_API std::string without_secrets(std::string_view target);

}  // namespace callerapi
