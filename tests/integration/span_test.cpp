// Calls and their attempts as spans: whose parent is whose, what they are called, what they know.
#include "callerapi/span.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/context.hpp"
#include "callerapi/otlp.hpp"
#include "callerapi/testing.hpp"
#include "support/scripted_server.hpp"
#include "support/span_log.hpp"
#include "support/static_plugin.hpp"
#include "support/two_places.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::attribute;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;
using support::SpanLog;

constexpr const char* inbound_trace = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* inbound_span = "b7ad6b7169203331";

Context under(std::string_view flags) {
  Headers headers;
  headers.add("traceparent",
              std::string("00-") + inbound_trace + "-" + inbound_span + "-" + std::string(flags));
  headers.add("tracestate", "vendor=1");
  return Context::from_headers(headers, std::chrono::steady_clock::now());
}

Caller caller_of(const std::string& url, SpanSink sink, const std::string& settings = "",
                 LogSink log = nullptr) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.on_span = std::move(sink);
  options.log = std::move(log);
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\nretry.base = \"1ms\"\n" + settings,
                           std::move(options))
      .value();
}

Request get() { return Request{}.path("id", "7").timeout(20s); }

/// The field of a request that a server saw; empty: there was none.
std::string field(const SeenRequest& request, const std::string& name) {
  const std::string line = "\r\n" + name + ": ";
  const auto at = request.head.find(line);
  if (at == std::string::npos) return {};
  const auto begin = at + line.size();
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

std::string span_sent(const SeenRequest& request) {
  const std::string sent = field(request, "traceparent");
  return sent.size() == 55 ? sent.substr(36, 16) : sent;
}

/// Busy once, then well.
Script second_time(const SeenRequest& request) {
  return {.bytes = field(request, "Caller-Previous-Attempts").empty() ? support::status(503)
                                                                      : support::ok("here")};
}

using Way = std::function<Result<Response>(Caller&, Request)>;

/// A call by each of the faces, which run on different threads and end in different places.
std::vector<std::pair<const char*, Way>> ways() {
  return {{"blocking", [](Caller& c, Request r) { return c.call("echo", "get", std::move(r)); }},
          {"on the loop",
           [](Caller& c, Request r) { return c.start("echo", "get", std::move(r)).get(); }},
          {"a stream", [](Caller& c, Request r) -> Result<Response> {
             auto stream = c.open_stream("echo", "get", std::move(r));
             if (!stream) return std::move(stream).error();
             const Response head = stream->head();
             if (auto body = stream->read_all(); !body) return std::move(body).error();
             return head;
           }}};
}

TEST(Spans, ACallAndItsAttemptsAreSpansOfTheTraceThatWasSent) {
  for (const auto& [what, call] : ways()) {
    SCOPED_TRACE(what);
    ScriptedServer server(second_time);
    const SpanLog log;
    Caller caller = caller_of(server.url(), log.sink());

    ASSERT_TRUE(call(caller, get().context(under("01"))));

    const auto spans = log.await(3);
    ASSERT_EQ(spans.size(), 3u);
    const auto seen = server.requests();
    ASSERT_EQ(seen.size(), 2u);
    const Span &first = spans[0], &second = spans[1], &whole = spans[2];
    for (const Span& span : spans) {
      EXPECT_EQ(span.trace_id, inbound_trace);
      EXPECT_EQ(span.trace_state, "vendor=1");
      EXPECT_EQ(span.flags, 1);
      EXPECT_LE(whole.began_ns, span.began_ns);
      EXPECT_LE(span.began_ns, span.ended_ns);
      EXPECT_LE(span.ended_ns, whole.ended_ns);
    }
    EXPECT_EQ(whole.kind, SpanKind::internal);
    EXPECT_EQ(whole.name, "callerapi echo.get");
    EXPECT_EQ(whole.parent_id, inbound_span);
    EXPECT_EQ(first.kind, SpanKind::client);
    EXPECT_EQ(first.name, "GET /echo/{id}");
    EXPECT_EQ(first.parent_id, whole.span_id);
    EXPECT_EQ(second.parent_id, whole.span_id);
    EXPECT_EQ(first.span_id, span_sent(seen[0])) << "the parent of what the service did";
    EXPECT_EQ(second.span_id, span_sent(seen[1]));
    EXPECT_NE(first.span_id, second.span_id);
    EXPECT_LE(first.ended_ns, second.began_ns);
  }
}

TEST(Spans, AreOfTheTimeOfTheCalendar) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());
  const auto nanoseconds = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };

  const auto before = nanoseconds();
  ASSERT_TRUE(caller.call("echo", "get", get()));
  const auto after = nanoseconds();

  // Two clocks are read one after the other, by whoever is let.
  constexpr std::int64_t apart = 1'000'000'000;
  EXPECT_GE(log.all().back().began_ns, before - apart);
  EXPECT_LE(log.all().back().ended_ns, after + apart);
}

TEST(Spans, HaveTheAttributesOfAnHttpClient) {
  ScriptedServer server(second_time);
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());
  const auto answer = caller.call("echo", "get", get().context(under("01")));
  ASSERT_TRUE(answer);

  const auto spans = log.all();
  ASSERT_EQ(spans.size(), 3u);
  const Span &first = spans[0], &second = spans[1], &whole = spans[2];
  EXPECT_EQ(attribute(first, "http.request.method"), "GET");
  EXPECT_EQ(attribute(first, "url.template"), "/echo/{id}");
  EXPECT_EQ(attribute(first, "server.address"), "127.0.0.1");
  EXPECT_EQ(attribute(first, "server.port"), std::to_string(server.port()));
  EXPECT_EQ(attribute(first, "network.peer.address"), "127.0.0.1");
  EXPECT_EQ(attribute(first, "network.peer.port"), std::to_string(server.port()));
  EXPECT_EQ(attribute(first, "network.protocol.version"), "1.1");
  EXPECT_EQ(attribute(first, "http.response.status_code"), "503");
  EXPECT_EQ(attribute(first, "error.type"), "503");
  EXPECT_EQ(attribute(first, "http.request.resend_count"), "");
  EXPECT_EQ(attribute(first, "callerapi.attempt.kind"), "first");
  EXPECT_TRUE(first.failed);
  EXPECT_EQ(attribute(second, "http.response.status_code"), "200");
  EXPECT_EQ(attribute(second, "error.type"), "");
  EXPECT_EQ(attribute(second, "http.request.resend_count"), "1");
  EXPECT_EQ(attribute(second, "callerapi.attempt.kind"), "retry");
  EXPECT_FALSE(second.failed);
  EXPECT_EQ(attribute(whole, "callerapi.service"), "echo");
  EXPECT_EQ(attribute(whole, "callerapi.endpoint"), "get");
  EXPECT_EQ(attribute(whole, "callerapi.attempts"), "2");
  EXPECT_EQ(attribute(whole, "callerapi.call_id"), answer->record->call_id);
  EXPECT_EQ(attribute(whole, "http.request.method"), "") << "one span for each request, not two";
  EXPECT_FALSE(whole.failed);
  EXPECT_EQ(answer->record->trace_id, inbound_trace);
}

TEST(Spans, OfARequestWithoutATemplateOrWithAStrangeMethodHaveFewNames) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());

  ASSERT_TRUE(caller.request("echo", "PURGE", "/people/zq-tell-nobody"));
  ASSERT_TRUE(
      caller.request("echo", "GET", "/people/zq-tell-nobody",
                     Request{}.query("key", "zq-tell-nobody").header("X-Token", "zq-tell-nobody")));

  const auto spans = log.all();
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans[0].name, "HTTP");
  EXPECT_EQ(attribute(spans[0], "http.request.method"), "_OTHER");
  EXPECT_EQ(attribute(spans[0], "http.request.method_original"), "PURGE");
  EXPECT_EQ(spans[1].name, "callerapi echo.PURGE");
  EXPECT_EQ(spans[2].name, "GET");
  EXPECT_EQ(attribute(spans[2], "url.template"), "");
  for (const Span& span : spans)
    EXPECT_EQ(otlp_line(span, "").find("zq-tell-nobody"), std::string::npos)
        << "no value of any parameter";
}

TEST(Spans, NameTheOtherEndWhateverItsKindIs) {
  const std::string path = ::testing::TempDir() + "span" + std::to_string(::getpid()) + ".sock";
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; }, path);
  const SpanLog log;
  Caller caller = caller_of("unix:" + path, log.sink());
  ASSERT_TRUE(caller.call("echo", "get", get()));

  const Span attempt = log.all().front();
  EXPECT_EQ(attribute(attempt, "network.peer.address"), path);
  EXPECT_EQ(attribute(attempt, "network.peer.port"), "");
  EXPECT_EQ(attribute(attempt, "server.address"), path);
  EXPECT_EQ(attribute(attempt, "server.port"), "");
}

TEST(Spans, OfATraceThatIsNotSampledAreNotTold) {
  ScriptedServer server(second_time);
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());
  for (const auto& [what, call] : ways()) {
    SCOPED_TRACE(what);
    ASSERT_TRUE(call(caller, get().context(under("00"))));
  }

  EXPECT_TRUE(log.all().empty());
  for (const SeenRequest& seen : server.requests()) {
    const std::string sent = field(seen, "traceparent");
    EXPECT_EQ(sent.substr(0, 36), std::string("00-") + inbound_trace + "-");
    EXPECT_EQ(sent.substr(53), "00") << "handed on as it came";
  }
}

TEST(Spans, ACallUnderNoTraceBeginsOneOfItsOwn) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());

  ASSERT_TRUE(caller.call("echo", "get", get()));
  ASSERT_TRUE(caller.call("echo", "get", get()));

  const auto spans = log.all();
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans[1].parent_id, "");
  EXPECT_EQ(spans[0].parent_id, spans[1].span_id);
  EXPECT_EQ(field(server.requests()[0], "traceparent"),
            "00-" + spans[0].trace_id + "-" + spans[0].span_id + "-01");
  EXPECT_NE(spans[0].trace_id, spans[2].trace_id);
}

TEST(Spans, UnderATraceparentOfTheRequestsOwnAreBelowItAndItIsSentAsItIs) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());
  const std::string own = "00-11111111111111111111111111111111-2222222222222222-01";

  ASSERT_TRUE(caller.call("echo", "get", get().header("traceparent", own).context(under("01"))));
  ASSERT_TRUE(caller.call("echo", "get", get().header("traceparent", "not one")));

  const auto spans = log.all();
  ASSERT_EQ(spans.size(), 2u) << "nobody knows which trace the second one belongs to";
  EXPECT_EQ(spans[1].trace_id, own.substr(3, 32));
  EXPECT_EQ(spans[1].parent_id, own.substr(36, 16));
  EXPECT_EQ(spans[0].parent_id, spans[1].span_id);
  EXPECT_EQ(field(server.requests()[0], "traceparent"), own);
  EXPECT_EQ(field(server.requests()[1], "traceparent"), "not one");
}

TEST(Spans, TellATracestateOfTheRequestsOwnOnlyIfItIsPlainText) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());
  const auto state_told = [&](const std::string& state) {
    log.clear();
    EXPECT_TRUE(caller.call(
        "echo", "get",
        get()
            .header("traceparent", "00-11111111111111111111111111111111-2222222222222222-01")
            .header("tracestate", state)));
    return log.all().at(0).trace_state;
  };

  EXPECT_EQ(state_told("vendor=1"), "vendor=1");
  EXPECT_EQ(state_told("vendor=\xff"), "") << "an exporter's line must stay UTF-8";
  EXPECT_EQ(state_told("vendor=" + std::string(600, 'x')), "");
}

TEST(Spans, OfACallThatFailsNameTheOutcomeAndWhatWasNeverReachedHasNoPeer) {
  const SpanLog log;
  Caller caller = caller_of("http://127.0.0.1:1", log.sink(), "breaker.consecutive_failures = 1\n");

  const auto failed = caller.call("echo", "get", get().max_attempts(1));
  const auto refused = caller.call("echo", "get", get());

  const auto spans = log.all();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(attribute(spans[0], "error.type"), "connect_error");
  EXPECT_EQ(attribute(spans[0], "network.peer.address"), "");
  EXPECT_EQ(attribute(spans[0], "http.response.status_code"), "");
  EXPECT_TRUE(spans[1].failed);
  EXPECT_EQ(attribute(spans[1], "error.type"), "connect_error");
  EXPECT_EQ(spans[1].message, failed.error().message);
  EXPECT_EQ(attribute(spans[2], "error.type"), "circuit_open");
  EXPECT_EQ(attribute(spans[2], "callerapi.attempts"), "0");
  EXPECT_EQ(spans[2].message, refused.error().message);
}

TEST(Spans, OfCallsThatSucceedAtOncePushNothingOutOfTheRecentCalls) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const SpanLog log;
  Caller caller = caller_of(server.url(), log.sink());

  for (const auto& [what, call] : ways()) ASSERT_TRUE(call(caller, get())) << what;
  EXPECT_EQ(log.await(6).size(), 6u);
  EXPECT_TRUE(caller.recent_calls().empty());
  ASSERT_TRUE(caller.call("echo", "get", get().explain()));
  EXPECT_EQ(caller.recent_calls().size(), 1u);
}

TEST(Spans, ASinkThatThrowsIsCountedAndCostsTheCallNothing) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  std::vector<std::string> lines;
  Caller caller = caller_of(
      server.url(), [](const Span&) { throw std::runtime_error("full"); }, "",
      [&](const LogRecord& line) {
        if (line.level == LogLevel::warning) lines.emplace_back(line.message);
      });

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(caller.call("echo", "get", get()));

  EXPECT_EQ(caller.stats().span_failures, 3u);
  EXPECT_NE(caller.metrics_text().find("callerapi_span_failures_total 3\n"), std::string::npos);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0],
            "Options::on_span threw: full; the other spans of that call are lost, and further ones "
            "are only counted (Stats::span_failures)");
}

TEST(Spans, TheirSinkMayUseTheCallerOnWhicheverThreadItIs) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  Caller* use = nullptr;
  std::size_t told = 0;
  Caller caller = caller_of(server.url(), [&](const Span&) {
    ++told;
    EXPECT_FALSE(use->metrics_text().empty());
    use->start("echo", "get", get().context(under("00"))).cancel();
  });
  use = &caller;

  ASSERT_TRUE(caller.call("echo", "get", get()));
  ASSERT_TRUE(caller.start("echo", "get", get()).get());

  EXPECT_EQ(told, 4u);
}

const SpanLog hedge_spans;

class HedgeSpans : public support::TwoPlaces {
 protected:
  HedgeSpans() : TwoPlaces(hedge_spans.sink()) {}
};

TEST_F(HedgeSpans, BothRequestsAreAttemptsOfOneCall) {
  hedge_spans.clear();
  // One of two goes to the mute place first, and is asked a second time.
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(host_->run(get("hard")));

  const auto spans = hedge_spans.await(5);
  ASSERT_EQ(spans.size(), 5u);
  const std::size_t at = attribute(spans[1], "callerapi.attempt.kind") == "hedge" ? 0 : 2;
  const Span &first = spans[at], &hedge = spans[at + 1], &whole = spans[at + 2];
  EXPECT_EQ(whole.kind, SpanKind::internal);
  EXPECT_EQ(attribute(whole, "callerapi.hedge"), "sent");
  EXPECT_EQ(attribute(whole, "callerapi.attempts"), "2");
  EXPECT_FALSE(whole.failed);
  EXPECT_EQ(first.parent_id, whole.span_id);
  EXPECT_EQ(hedge.parent_id, whole.span_id);
  EXPECT_EQ(attribute(first, "error.type"), "hedge_superseded");
  EXPECT_EQ(attribute(hedge, "http.response.status_code"), "200");
  EXPECT_EQ(attribute(hedge, "http.request.resend_count"), "1");
  EXPECT_LT(first.began_ns, hedge.began_ns);
  EXPECT_LT(hedge.began_ns, first.ended_ns) << "beside each other";
  EXPECT_EQ(first.span_id, span_sent(mute_.requests().back()));
  std::string sent;
  for (const SeenRequest& one : good_.requests())
    if (span_sent(one) == hedge.span_id) sent = one.target;
  EXPECT_EQ(sent, "/echo/hard");
}

}  // namespace
}  // namespace callerapi
