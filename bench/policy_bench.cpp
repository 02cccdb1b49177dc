// What a call costs without a network: everything from call() to its response but connection and
// bytes. Its peer is the transport alone, whose cost is none of ours.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "allocations.hpp"
#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "policy/meter.hpp"
#include "policy/prepared.hpp"
#include "policy/retry.hpp"
#include "support/static_plugin.hpp"
#include "wire/reactor.hpp"
#include "wire/request_writer.hpp"

namespace callerapi {
namespace {

/// Answers at once, and keeps nothing.
class Instant final : public testing::Transport {
 public:
  Result<Response> answer(const testing::SeenRequest&) override {
    Response response;
    response.status = 200;
    response.body = body_;
    return response;
  }

 private:
  const std::string body_ = std::string(256, 'x');
};

Caller caller_of(std::shared_ptr<testing::Transport> transport) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.executor = Executor::inline_executor();
  options.transport = std::move(transport);
  return Caller::from_toml(
             "schema = 1\n[services.echo]\nplugin = \"static:echo\"\n"
             "base_url = \"http://echo.test\"\n",
             std::move(options))
      .value();
}

Request request() { return Request{}.path("id", "7").query("limit", "10"); }

void BM_PolicyPath(benchmark::State& state) {
  Caller caller = caller_of(std::make_shared<Instant>());
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    const auto response = caller.call("echo", "get", request());
    if (response) bytes += response->body.size();
  }
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_PolicyPath);

void BM_TransportAlone(benchmark::State& state) {
  Instant transport;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) bytes += transport.answer({}).value().body.size();
  state.counters["body_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_TransportAlone);

/// What is measured of a call that succeeds at once.
void BM_MeterOfACall(benchmark::State& state) {
  policy::ServiceMeter service;
  const auto meter = service.endpoint("get", "GET", "/v1/items/{id}");
  Response response;
  response.status = 200;
  const auto code = policy::ResultCode::of({.response = &response});
  const TimeLedger time{.local = std::chrono::microseconds(5),
                        .write = std::chrono::microseconds(10),
                        .wait = std::chrono::milliseconds(3),
                        .read = std::chrono::microseconds(40)};
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    service.began(1);
    meter->attempt(1, code, time.total());
    meter->call(1, true, time.total());
    service.ended(1, time, Duration::zero());
  }
}
BENCHMARK(BM_MeterOfACall);

/// A call that fails, with its record kept.
void BM_PolicyPathOfAFailure(benchmark::State& state) {
  class Refusing final : public testing::Transport {
    Result<Response> answer(const testing::SeenRequest&) override {
      return testing::failure(Outcome::response_too_large, Sent::yes);
    }
  };
  Caller caller = caller_of(std::make_shared<Refusing>());
  std::uint64_t found = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) found += caller.call("echo", "get", request()) ? 0 : 1;
  state.counters["found"] =
      benchmark::Counter(static_cast<double>(found), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_PolicyPathOfAFailure);

policy::Endpoint endpoint() {
  policy::Endpoint out;
  out.name = "get_item";
  out.method = "GET";
  out.path = "/v1/items/{id}{?limit}";
  out.params = {{"id", policy::Place::path, policy::ParamType::text, true},
                {"limit", policy::Place::query, policy::ParamType::integer, false}};
  return out;
}

/// Checking a request against its endpoint and building what every attempt sends.
void BM_RequestPrepared(benchmark::State& state) {
  const base::SystemClock clock;
  const auto loop = std::move(wire::Reactor::start(clock)).value();
  const policy::Endpoint declared = endpoint();
  const auto path = wire::UriTemplate::compile(declared.path).value();
  const policy::ServiceView service{"items", "http", "items.test", "", "callerapi/0 items/1", ""};
  const policy::Settings settings;
  std::uint64_t bytes = 0;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    policy::Prepared call;
    Request given = request();
    const auto prepared = policy::prepare(call, service, declared, path, settings, given, *loop);
    bytes += prepared ? call.target.size() : 0;
  }
  state.counters["target_bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_RequestPrepared);

Headers usual_headers() {
  Headers headers;
  headers.add("User-Agent", "callerapi/0.1.0 items/1.0.0");
  headers.add("Accept", "application/json");
  headers.add("Accept-Encoding", "gzip, deflate");
  headers.add("Caller-Timeout-Ms", "10000");
  return headers;
}

/// Writing the head of an attempt, every byte of it checked.
void BM_RequestHead(benchmark::State& state) {
  const Headers headers = usual_headers();
  wire::RequestHead head;
  head.method = "GET";
  head.target = "/v1/items/7?limit=10";
  head.authority = "items.test";
  head.headers = &headers;
  std::string out;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(wire::append_head(out, head));
  }
  state.counters["head_bytes"] = static_cast<double>(out.size());
}
BENCHMARK(BM_RequestHead);

/// Its peer: the same bytes without a look at them.
void BM_RequestHeadUnchecked(benchmark::State& state) {
  const Headers headers = usual_headers();
  std::string out;
  const bench::CountAllocations counted(state);
  for (auto _ : state) {
    out.assign("GET /v1/items/7?limit=10 HTTP/1.1\r\nHost: items.test\r\n");
    for (const auto [name, value] : headers)
      out.append(name).append(": ").append(value).append("\r\n");
    out.append("\r\n");
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["head_bytes"] = static_cast<double>(out.size());
}
BENCHMARK(BM_RequestHeadUnchecked);

}  // namespace
}  // namespace callerapi
