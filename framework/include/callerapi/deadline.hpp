#pragma once

#include <chrono>

namespace callerapi {

/// All time inside the library is monotonic; the wall clock appears in HTTP dates only.
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// No limit. Compares later than every other time.
inline constexpr TimePoint no_deadline = TimePoint::max();

}  // namespace callerapi
