#pragma once

#include <atomic>
#include <cstdint>

#include "base/histogram.hpp"

namespace callerapi::host {

/// Loads of one kind, and how long they took.
struct Loads {
  base::Counter count{0};
  base::Histogram took;
};

/// What the plugins of one Caller have been up to.
struct Counters {
  std::atomic<std::uint64_t> hook_failures{0};  ///< Hooks that failed or threw.
  std::atomic<std::uint64_t> hook_slow{0};      ///< Hooks over their budget.
  std::atomic<std::uint64_t> draining{0};       ///< Gauge: retired, with calls in flight.
  std::atomic<std::uint64_t> overdue{0};        ///< Gauge: of these, beyond the drain budget.
  Loads loaded;                                 ///< For a service that ran none of it.
  Loads upgraded;  ///< In place of another version, or with another setup.
  Loads refused;
};

}  // namespace callerapi::host
