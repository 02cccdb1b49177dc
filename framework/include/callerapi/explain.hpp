#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/export.hpp"
#include "callerapi/outcome.hpp"
#include "callerapi/time_ledger.hpp"

namespace callerapi {

/// One instance of a service, as it stood when an attempt chose where to go.
struct CandidateRecord {
  std::string instance;  ///< "10.0.0.7:8080"
  /// "chosen". Drawn as well, and "dearer". Or left out: "ejected", "cooling" since it asked for
  /// that, "tried" by this call before, "not_drawn". By ring_hash: passed over as "full" or
  /// "returning" from an ejection; "farther" on the ring than the chosen one.
  std::string_view fate;
  /// Of those that were compared, in seconds: latency * (in_flight + 1) / share; for
  /// least_request without the latency. 0: it was not.
  double cost = 0;
  /// What it was thought to take: its worst of late, which fades; a failure counts as a second or
  /// more. 0: nobody asked.
  Duration latency{0};
  int in_flight = 0;  ///< Attempts under way there.
  double share = 0;   ///< Its weight, less while it comes back from an ejection.
};

/// One attempt of a call, as it went.
struct AttemptRecord {
  int number = 1;
  /// "first", "retry", "hedge": sent beside another, or "transparent": one that max_attempts did
  /// not count.
  std::string_view kind;
  std::string instance;  ///< "10.0.0.7:8080"
  Duration began{0};     ///< From the start of the call,
  Duration ended{0};     ///< and so is this: when its result was known. Of a stream, its end.
  TimeLedger time;       ///< Of this attempt alone; `retry` is the pause before it.
  Outcome outcome = Outcome::ok;
  int status = 0;  ///< 0: no head had arrived.
  /// "retry", or "end": this attempt's result is the call's. Of two requests at once the other is
  /// "dropped", or still "running" when the result was handed out.
  std::string_view decision;
  std::string_view stop_reason;  ///< Why there was no further one: "class", "attempts", "no_time".
  Duration wait{0};              ///< Chosen before the next attempt.
  /// First attempts and retries of the service that its retry budget then knew of.
  std::uint64_t budget_calls = 0, budget_retries = 0;
  std::uint64_t budget_allowed = 0;  ///< Retries that so many calls allow.
  std::string_view breaker;          ///< State of the service's breaker then: "closed".
  std::uint64_t breaker_failed = 0, breaker_total = 0;  ///< What it then counted.
  /// Where it could have gone, the chosen one first, eight at most; empty where there is but one.
  std::vector<CandidateRecord> candidates;
  std::size_t instances = 0;  ///< Of the service.
  std::string_view balance;   ///< What chose: "p2c_ewma".
  bool panic = false;         ///< Ejections were not regarded: less than half would have been left.
  std::uint64_t span_id = 0;  ///< That the engine's traceparent named; 0: it belonged to no trace.
  /// Where its connection led, "10.0.0.7:8080", of a call whose spans were told; empty: there was
  /// none.
  std::string peer;
};

/// What the limits of a service said to a call that came to it.
struct AdmissionRecord {
  std::string_view decision;       ///< "entered", "waited" or "refused"; empty: it did not come so
                                   ///< far.
  std::int64_t in_flight = 0;      ///< Other calls in flight that it found,
  std::int64_t in_flight_max = 0;  ///< of how many that may be for a call of its priority. 0: any.
  bool adaptive = false;           ///< What may be was found by limits.adaptive.
  std::int64_t waiting = 0;        ///< Others that waited,
  std::int64_t waiting_max = 0;    ///< of how many that may be.
  std::int64_t rate = 0;           ///< Calls a second that may begin. 0: any.
  Duration waited{0};              ///< For its turn.
};

/// What happened in one call. Made for every call that failed, was retried or hedged, asked for it
/// with Request::explain, or is told as spans (Options::on_span). The times of its attempts add up
/// to `time`; those of a request that was sent beside another run beside them. A value; holds no
/// header and no payload.
struct CallRecord {
  std::string call_id;   ///< Sent as Caller-Call-Id.
  std::string trace_id;  ///< Of the trace it belonged to, 32 hex digits; empty: none.
  std::string service;
  std::string endpoint;            ///< Its name; of an ad-hoc request the method.
  std::uint64_t generation = 0;    ///< Which load of the plugin served it.
  Duration deadline{0};            ///< From the start of the call; what it could take at most.
  std::string_view deadline_from;  ///< Which limit that was: "timeouts.total".
  AdmissionRecord admission;
  std::vector<AttemptRecord> attempts;
  Outcome outcome = Outcome::ok;
  int status = 0;       ///< Of a complete answer.
  std::string message;  ///< Of the error.
  TimeLedger time;
  /// Of a call whose first answer was late: "sent" a second time, or what did not allow it:
  /// "allowance", "retry_budget", "hedge_budget", "no_instance": all others are left alone. Empty:
  /// it was not late, or may not be hedged.
  std::string_view hedge;
  /// The service's breaker when it ended, whether or not there was an attempt.
  std::string_view breaker;
  std::uint64_t breaker_failed = 0, breaker_total = 0;
};

/// Field names whose values are credentials and never shown: Authorization, Cookie and their like.
CALLERAPI_API bool is_secret_header(std::string_view name) noexcept;

/// A request target or URL with the values of signatures and keys in its query hidden, and so user
/// and password.
CALLERAPI_API std::string without_secrets(std::string_view target);

}  // namespace callerapi
