// Small parts of every call: expanding a path template, taking a base URL apart, arming and
// disarming the timers of a call beside a sorted map of them.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "wire/timer_wheel.hpp"
#include "wire/uri_template.hpp"
#include "wire/url.hpp"

namespace callerapi::wire {
namespace {

void BM_TemplateExpanded(benchmark::State& state) {
  const auto path = UriTemplate::compile("/v1/{owner}/items/{id}{?limit,cursor}").value();
  const auto values = [](std::string_view name) -> std::optional<std::string_view> {
    return name == "owner"   ? "miller"
           : name == "id"    ? "a 7/b"
           : name == "limit" ? std::optional<std::string_view>("10")
                             : std::nullopt;
  };
  std::string out;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    out.clear();
    if (path.expand(out, values)) bytes += out.size();
  }
  state.counters["target_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_TemplateExpanded);

void BM_BaseUrlParsed(benchmark::State& state) {
  std::uint64_t found = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) found += parse_base_url("https://items.example.com:8443/api/v2") ? 1 : 0;
  state.counters["found"] =
      benchmark::Counter(static_cast<double>(found), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_BaseUrlParsed);

// Of so many calls in flight, each with two timers: one of each ends and is armed anew.
void BM_TimerArmedAndDisarmed(benchmark::State& state) {
  const TimePoint start{};
  TimerWheel wheel(start);
  std::vector<std::unique_ptr<Timer>> timers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    timers.push_back(std::make_unique<Timer>([] {}));
    wheel.arm(*timers.back(), start + std::chrono::milliseconds(i % 10'000));
  }
  std::size_t at = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    Timer& timer = *timers[at++ % timers.size()];
    wheel.disarm(timer);
    wheel.arm(timer, start + std::chrono::milliseconds(at % 10'000));
  }
  state.counters["taken"] = static_cast<double>(wheel.armed()) / static_cast<double>(timers.size());
}
BENCHMARK(BM_TimerArmedAndDisarmed)->Arg(128)->Arg(20'000);

void BM_TimerInASortedMap(benchmark::State& state) {
  using Map = std::multimap<std::uint64_t, std::function<void()>>;
  Map map;
  std::vector<Map::iterator> timers;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    timers.push_back(map.emplace(static_cast<std::uint64_t>(i) % 10'000, [] {}));
  std::size_t at = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    auto& timer = timers[at++ % timers.size()];
    map.erase(timer);
    timer = map.emplace(at % 10'000, [] {});
  }
  state.counters["taken"] = static_cast<double>(map.size()) / static_cast<double>(timers.size());
}
BENCHMARK(BM_TimerInASortedMap)->Arg(128)->Arg(20'000);

}  // namespace
}  // namespace callerapi::wire
