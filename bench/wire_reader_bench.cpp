// What reading one response costs the thread that reads it: ours beside Boost.Beast's parser, which
// checks less (docs/adr, faults of the parsers) but keeps as much.
#include <benchmark/benchmark.h>

#include <boost/beast/http.hpp>
#include <string>

#include "allocations.hpp"
#include "inputs.hpp"
#include "wire/response_reader.hpp"

namespace callerapi::wire {
namespace {

void BM_OurReader(benchmark::State& state, const std::string& response) {
  ResponseReader reader;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    reader.start("GET", ReaderLimits{});
    std::string_view input = response;
    for (auto event = reader.next(input); event != ResponseReader::Event::end;
         event = reader.next(input))
      if (event == ResponseReader::Event::body) bytes += reader.piece().size();
  }
  // Ties the time to the work: a run that read nothing shows 0 here.
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK_CAPTURE(BM_OurReader, small, bench::small_response());
BENCHMARK_CAPTURE(BM_OurReader, large, bench::large_response());
BENCHMARK_CAPTURE(BM_OurReader, chunked, bench::chunked_response());

void BM_BeastParser(benchmark::State& state, const std::string& response) {
  namespace http = boost::beast::http;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    boost::system::error_code error;
    auto left = boost::asio::buffer(response);
    while (!parser.is_done() && !error) left += parser.put(left, error);
    bytes += parser.get().body().size();
  }
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK_CAPTURE(BM_BeastParser, small, bench::small_response());
BENCHMARK_CAPTURE(BM_BeastParser, large, bench::large_response());
BENCHMARK_CAPTURE(BM_BeastParser, chunked, bench::chunked_response());

}  // namespace
}  // namespace callerapi::wire
