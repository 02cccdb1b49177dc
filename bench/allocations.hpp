#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace callerapi::bench {

/// How often this thread has asked operator new for memory. Every program that links this counts.
std::uint64_t allocations() noexcept;

/// Adds the counter `allocations` to a benchmark: of one iteration, on its own thread.
class CountAllocations {
 public:
  explicit CountAllocations(benchmark::State& state) : state_(state), before_(allocations()) {}
  ~CountAllocations() {
    state_.counters["allocations"] = benchmark::Counter(
        static_cast<double>(allocations() - before_), benchmark::Counter::kAvgIterations);
  }
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;

 private:
  benchmark::State& state_;
  const std::uint64_t before_;
};

}  // namespace callerapi::bench
