#pragma once

#include <atomic>
#include <cstdint>

namespace callerapi::host {

/// What the plugins of one Caller have been up to.
struct Counters {
  std::atomic<std::uint64_t> hook_failures{0};  ///< Hooks that failed or threw.
  std::atomic<std::uint64_t> hook_slow{0};      ///< Hooks over their budget.
  std::atomic<std::uint64_t> draining{0};       ///< Gauge: retired, with calls in flight.
  std::atomic<std::uint64_t> overdue{0};        ///< Gauge: of these, beyond the drain budget.
};

}  // namespace callerapi::host
