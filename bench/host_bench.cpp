// The copy of a plugin that is mapped in place of its file: 4 MiB, a large one. The peer only
// copies the bytes in memory.
#include <benchmark/benchmark.h>

#include <string>

#include "allocations.hpp"
#include "host/sealed_copy.hpp"

namespace callerapi::host {
namespace {

const std::string& plugin_bytes() {
  static const std::string bytes(4u << 20, 'x');
  return bytes;
}

void BM_PluginCopySealed(benchmark::State& state) {
  std::uint64_t taken = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) taken += seal_copy(plugin_bytes(), "bench.capi.so", "bench") ? 1 : 0;
  state.counters["taken"] =
      benchmark::Counter(static_cast<double>(taken), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_PluginCopySealed);

void BM_PluginBytesCopied(benchmark::State& state) {
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    std::string copy = plugin_bytes();
    benchmark::DoNotOptimize(copy.data());
    bytes += copy.size();
  }
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_PluginBytesCopied);

}  // namespace
}  // namespace callerapi::host
