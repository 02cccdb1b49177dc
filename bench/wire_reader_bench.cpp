// What reading one response costs the thread that reads it: ours beside Boost.Beast's parser, which
// checks less (docs/adr, faults of the parsers) but keeps as much.
#include <benchmark/benchmark.h>

#include <boost/beast/http.hpp>
#include <string>

#include "allocations.hpp"
#include "wire/response_reader.hpp"

namespace callerapi::wire {
namespace {

// nginx answering a JSON document of 256 bytes: the usual case of a call.
const std::string response =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 13:42:40 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 256\r\nConnection: keep-alive\r\n\r\n" +
    std::string(256, 'x');

void BM_OurReader(benchmark::State& state) {
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
BENCHMARK(BM_OurReader);

void BM_BeastParser(benchmark::State& state) {
  namespace http = boost::beast::http;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    boost::system::error_code error;
    parser.put(boost::asio::buffer(response), error);
    bytes += parser.get().body().size();
  }
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_BeastParser);

}  // namespace
}  // namespace callerapi::wire
