// However a call ends, its spans are told once.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/plugin.hpp"
#include "support/scripted_server.hpp"
#include "support/span_log.hpp"
#include "support/static_plugin.hpp"

namespace picky {

using namespace callerapi::dsl;

/// Takes no answer at all.
struct Picky {
  static constexpr std::string_view id = "picky", version = "1.0.0", owner = "team-picky";
  using api = endpoints<get<"watch", "/watch", bytes>>;
  void on_response(callerapi::HookedResponse&) { throw std::runtime_error("not this one"); }
};

}  // namespace picky

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// With few places, so that some calls wait for one and some are refused.
Caller small_caller(const std::string& url, SpanSink sink) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.on_span = std::move(sink);
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\nlimits.inflight = 8\nlimits.queue = 2\n",
                           std::move(options))
      .value();
}

Call<Response> begin(Caller& caller) {
  return caller.start("echo", "get", Request{}.path("id", "7").timeout(20s));
}

/// Answers "/echo/half" with half of an answer, and nothing else at all.
Script half_or_nothing(const SeenRequest& request) {
  if (!request.target.ends_with("/half")) return {};
  return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
}

TEST(SpansOfEveryEnd, EveryCallThatBeganIsToldOnceHoweverItEnds) {
  ScriptedServer server(half_or_nothing);
  const support::SpanLog log;
  std::uint64_t begun = 0;
  {
    Caller caller = small_caller(server.url(), log.sink());
    auto half = caller.open_stream("echo", "get", Request{}.path("id", "half").timeout(20s));
    ASSERT_TRUE(half) << half.error().message;
    half->cancel();
    std::vector<Call<Response>> calls;
    for (int i = 0; i < 16; ++i) calls.push_back(begin(caller));
    calls.front().cancel();
    calls.erase(calls.begin() + 1, calls.begin() + 4);  // a handle that is dropped cancels
    EXPECT_FALSE(caller.call("echo", "get", Request{}.path("id", "7").timeout(20ms)));
    begun = caller.stats().calls;
  }  // ends whatever is left

  std::set<std::string> whole, attempts;
  const auto spans = log.all();
  for (const Span& span : spans)
    EXPECT_TRUE((span.kind == SpanKind::internal ? whole : attempts).insert(span.span_id).second);
  EXPECT_EQ(begun, 18u);
  EXPECT_EQ(whole.size(), begun);
  EXPECT_GE(attempts.size(), 9u) << "the stream, and whoever found a place";
  for (const Span& span : spans) {
    EXPECT_TRUE(span.kind == SpanKind::internal || whole.contains(span.parent_id)) << span.name;
    EXPECT_LE(span.began_ns, span.ended_ns);
  }
}

TEST(SpansOfEveryEnd, ASinkMayEndAllCallsWhenItIsToldOfAStreamWhoseHeadWasRefused) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
  });
  Caller* ending = nullptr;
  int told = 0;
  Options options;
  options.static_plugins = {&static_plugin<picky::Picky>};
  options.environment.emplace();
  options.on_span = [&](const Span&) {
    ++told;
    ending->shutdown(0ms);
  };
  Caller caller =
      Caller::from_toml("schema = 1\n[services.picky]\nplugin = \"static:picky\"\nbase_url = \"" +
                            server.url() + "\"\n",
                        std::move(options))
          .value();
  ending = &caller;

  const auto refused = caller.start_stream("picky", "watch", Request{}.timeout(20s)).get();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::plugin_error) << refused.error().message;
  EXPECT_EQ(told, 2) << "the attempt and the call, once each";
}

}  // namespace
}  // namespace callerapi
