#pragma once

#include <cstdint>
#include <string_view>

#include "callerapi/export.hpp"

namespace callerapi {

/// What became of a call. The values, and what each means for retries, breaker and balance, stand
/// in callerapi/outcomes.inc and docs/reference/outcomes.md.
enum class Outcome : std::uint8_t {
#define CALLERAPI_OUTCOME(name, ...) name,
#define CALLERAPI_STATUS_RULE(...)
#include "callerapi/outcomes.inc"
#undef CALLERAPI_OUTCOME
#undef CALLERAPI_STATUS_RULE
};

/// What the caller can do about an outcome; coarse on purpose.
enum class Condition : std::uint8_t {
  ok,
  invalid_request,  ///< Fix the call.
  rejected,         ///< 4xx: fix the request or the right to make it.
  failed,           ///< 5xx or a broken answer: the service's fault.
  timeout,          ///< More time might help.
  unavailable,      ///< Refused, reset, no route, no such host.
  overloaded,       ///< A limit, ours or the service's: call later.
  cancelled,        ///< Somebody here asked for it.
  not_configured,   ///< Fix the registry or the plugin.
};

/// Whether request bytes may have reached the service. `no` is always safe to repeat.
enum class Sent : std::uint8_t { no, maybe, yes };

/// Where a call was when it ended.
enum class Phase : std::uint8_t { args, queue, dns, connect, tls, write, wait, head, body, decode };

/// The words used in logs, JSON and metrics: `connect_error`, `unavailable`, `maybe`, `head`.
/// Valid for ever. Thread-safe.
CALLERAPI_API std::string_view name(Outcome) noexcept;
CALLERAPI_API std::string_view name(Condition) noexcept;
CALLERAPI_API std::string_view name(Sent) noexcept;
CALLERAPI_API std::string_view name(Phase) noexcept;

}  // namespace callerapi
