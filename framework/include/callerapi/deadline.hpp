#pragma once

#include <chrono>

namespace callerapi {

/// What is measured or waited for is monotonic; the wall clock only names moments.
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// No limit. Compares later than every other time.
inline constexpr TimePoint no_deadline = TimePoint::max();

}  // namespace callerapi
