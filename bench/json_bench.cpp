// The body of a typed call, about 1 KB each way: encoding a type and decoding it, beside the bare
// parser and serialiser of Boost.JSON, which give the caller a tree and no type.
#include <benchmark/benchmark.h>

#include <boost/json.hpp>
#include <cstdint>
#include <string>

#include "allocations.hpp"
#include "callerapi/json.hpp"
#include "invoice.hpp"

namespace callerapi {
namespace {

invoices::Invoice invoice() {
  invoices::Invoice out{4'200'317, "Miller & Daughters, Cologne", "second \"copy\"", true, {}};
  for (int i = 0; i < 11; ++i)
    out.positions.push_back(
        {"A-" + std::to_string(1000 + i), "screws, stainless, box of 200", 3 + i, 12.25 * i});
  return out;
}

void count_bytes(benchmark::State& state, std::uint64_t bytes) {
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}

void BM_TypedBody(benchmark::State& state) {
  const invoices::Invoice sent = invoice();
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    const std::string text = to_json(sent);
    const auto got = from_json<invoices::Invoice>(text);
    if (got && got->positions.size() == sent.positions.size()) bytes += text.size();
  }
  count_bytes(state, bytes);
}
BENCHMARK(BM_TypedBody);

void BM_TypedEncode(benchmark::State& state) {
  const invoices::Invoice sent = invoice();
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) bytes += to_json(sent).size();
  count_bytes(state, bytes);
}
BENCHMARK(BM_TypedEncode);

void BM_TypedDecode(benchmark::State& state) {
  const std::string text = to_json(invoice());
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) bytes += from_json<invoices::Invoice>(text) ? text.size() : 0;
  count_bytes(state, bytes);
}
BENCHMARK(BM_TypedDecode);

void BM_BoostJsonTree(benchmark::State& state) {
  const boost::json::value sent = boost::json::parse(to_json(invoice()));
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    const std::string text = boost::json::serialize(sent);
    const auto got = boost::json::parse(text);
    if (got.as_object().size() == sent.as_object().size()) bytes += text.size();
  }
  count_bytes(state, bytes);
}
BENCHMARK(BM_BoostJsonTree);

}  // namespace
}  // namespace callerapi
