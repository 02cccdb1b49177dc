#pragma once

#include "callerapi/result.hpp"
#include "policy/limits.hpp"

namespace callerapi::policy {

/// Why the limits of a service do not let a call in, in words; without the name of the call. The
/// settings are Limits::live().
namespace limit_refusal {

/// As many calls are in flight as may be, and there is no queue.
Error full(const LimitSettings& settings);
/// The rate is used up for so long, and there is no queue.
Error limited(const LimitSettings& settings, Duration wait);
/// As many wait as may. `seats`: it is the rate that they wait for.
Error queue_full(const LimitSettings& settings, bool seats);
/// The rate cannot let it go before its time is over: it would take `needs`, it has `has`.
Error no_time(const LimitSettings& settings, std::int64_t ahead, Duration needs, Duration has);
/// It has waited so long. `seats` as above.
Error waited(const LimitSettings& settings, bool seats, Duration waited);

}  // namespace limit_refusal
}  // namespace callerapi::policy
