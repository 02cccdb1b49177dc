// Finding a service and its endpoint in the published snapshot, as every call begins; the peer is a
// hash table that nobody may change.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "allocations.hpp"
#include "catalogue/publication.hpp"
#include "catalogue/snapshot.hpp"

namespace callerapi::catalogue {
namespace {

/// Names as companies give them: they share their beginnings.
std::vector<std::string> names_of(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back("team-service-" + std::to_string(i));
  return names;
}

/// Every one in turn, in an order that no prefetcher guesses.
class Order {
 public:
  explicit Order(const std::vector<std::string>& names) : names_(names) {}
  const std::string& next() noexcept {
    at_ = at_ * 6364136223846793005u + 1442695040888963407u;
    return names_[(at_ >> 33) % names_.size()];
  }

 private:
  const std::vector<std::string>& names_;
  std::uint64_t at_ = 1;
};

void BM_SnapshotLookup(benchmark::State& state) {
  const auto names = names_of(state.range(0));
  auto snapshot = std::make_shared<Snapshot>();
  for (const std::string& name : names) {
    auto service = std::make_shared<Service>();
    service->name = name;
    snapshot->services.emplace(name, std::move(service));
  }
  const Publication<Snapshot> published(std::move(snapshot));
  Order order(names);
  std::uint64_t found = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) found += published.read()->find(order.next()) ? 1 : 0;
  state.counters["found"] =
      benchmark::Counter(static_cast<double>(found), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_SnapshotLookup)->Arg(10)->Arg(1'000)->Arg(10'000);

void BM_HashTableLookup(benchmark::State& state) {
  const auto names = names_of(state.range(0));
  std::unordered_map<std::string, std::shared_ptr<Service>> services;
  for (const std::string& name : names) services.emplace(name, std::make_shared<Service>());
  Order order(names);
  std::uint64_t found = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) found += services.find(order.next()) != services.end() ? 1 : 0;
  state.counters["found"] =
      benchmark::Counter(static_cast<double>(found), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_HashTableLookup)->Arg(10)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace callerapi::catalogue
