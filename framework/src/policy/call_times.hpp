#pragma once

#include <chrono>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

inline std::int64_t ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

/// `from + by`, which may be as long as it likes.
inline TimePoint plus(TimePoint from, Duration by) {
  return by >= no_deadline - from ? no_deadline : from + by;
}

}  // namespace callerapi::policy
