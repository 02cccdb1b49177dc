// What an inbound request lends to the calls made for it: time, trace, retries.
#include "callerapi/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using testing::json_response;
using testing::ScriptedTransport;
using testing::SeenRequest;

constexpr const char* traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Context inbound(std::initializer_list<Headers::Field> fields) {
  Headers headers;
  for (const auto& field : fields) headers.add(field.name, field.value);
  return Context::from_headers(headers, std::chrono::steady_clock::now());
}

/// Services a to e, each the echo plugin.
Caller caller_of(const std::shared_ptr<testing::Transport>& transport,
                 const std::string& settings = "") {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = transport;
  std::string text = "schema = 1\n[defaults]\nretry.base = \"1ms\"\n" + settings;
  for (const char name : std::string("abcde"))
    text += std::string("[services.") + name +
            "]\nplugin = \"static:echo\"\nbase_url = \"http://echo.test\"\n";
  return Caller::from_toml(text, std::move(options)).value();
}

Request get() { return Request{}.path("id", "1"); }

std::string field(const SeenRequest& request, std::string_view name) {
  return std::string(request.headers.get(name).value_or(""));
}

TEST(S19, N17_FiveServicesTogetherMakeNoMoreExtraAttemptsThanWereLent) {
  auto transport = std::make_shared<ScriptedTransport>();
  for (const char* service : {"a", "b", "c", "d", "e"})
    transport->on(service, "get", json_response("busy", 503));
  Caller caller = caller_of(transport, "retry.max_attempts = 4\n");
  const Context context = inbound({{"Caller-Attempts-Left", "3"}});

  std::vector<std::thread> threads;
  for (const char* service : {"a", "b", "c", "d", "e"})
    threads.emplace_back([&caller, &context, service] {
      EXPECT_TRUE(caller.call(service, "get", get().context(context)));
    });
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(transport->requests().size(), 5u + 3u);
  EXPECT_EQ(context.allowance->left(), 0);
}

TEST(Context, ADeadlineThatHasPassedSendsNothing) {
  auto transport = std::make_shared<ScriptedTransport>();
  Caller caller = caller_of(transport);
  Context context;
  context.deadline = std::chrono::steady_clock::now() - 1ms;

  const auto answer = caller.call("a", "get", get().context(context));

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().outcome, Outcome::deadline_exceeded);
  EXPECT_TRUE(transport->requests().empty());
}

TEST(Context, EachAttemptIsASpanOfItsOwnInTheSameTrace) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->once("a", "get", json_response("busy", 503)).on("a", "get", json_response("{}"));
  Caller caller = caller_of(transport);

  ASSERT_TRUE(
      caller
          .start("a", "get",
                 get().context(inbound({{"traceparent", traceparent}, {"tracestate", "x=1"}})))
          .get());

  const auto seen = transport->requests();
  ASSERT_EQ(seen.size(), 2u);
  const std::string first = field(seen[0], "traceparent"), second = field(seen[1], "traceparent");
  EXPECT_TRUE(Trace::parse(first));
  EXPECT_TRUE(Trace::parse(second));
  EXPECT_EQ(first.substr(0, 36), std::string(traceparent).substr(0, 36));
  EXPECT_NE(first.substr(36, 16), std::string(traceparent).substr(36, 16));
  EXPECT_NE(first, second);
  EXPECT_EQ(field(seen[1], "tracestate"), "x=1");
  EXPECT_EQ(field(seen[0], "Caller-Call-Id").size(), 36u);
  EXPECT_EQ(field(seen[0], "Caller-Call-Id"), field(seen[1], "Caller-Call-Id"));
}

TEST(Context, WithoutATraceNoneIsMadeUpAndOnesOwnIsKept) {
  // A made-up parent would read as "not sampled" and end the sampling of the service.
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("a", "get", json_response("{}"));
  Caller caller = caller_of(transport);
  const std::string own = "00-11111111111111111111111111111111-2222222222222222-00";

  ASSERT_TRUE(caller.call("a", "get", get()));
  ASSERT_TRUE(caller.call(
      "a", "get",
      get().header("traceparent", own).context(inbound({{"traceparent", traceparent}}))));

  EXPECT_EQ(field(transport->requests()[0], "traceparent"), "");
  EXPECT_EQ(field(transport->requests()[1], "traceparent"), own);
}

TEST(Context, AScopeLendsToTheCallsOfItsThreadUnlessTheyBringTheirOwn) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("a", "get", json_response("{}"));
  Caller caller = caller_of(transport);
  const auto has_trace = [&](const char* what) {
    const auto seen = transport->requests();
    SCOPED_TRACE(what);
    return !field(seen.back(), "traceparent").empty();
  };
  {
    const ContextScope outer(inbound({{"traceparent", traceparent}}));
    ASSERT_TRUE(caller.call("a", "get", get()));
    EXPECT_TRUE(has_trace("in the scope"));
    ASSERT_TRUE(caller.start("a", "get", get()).get());
    EXPECT_TRUE(has_trace("begun in the scope"));
    ASSERT_TRUE(caller.call("a", "get", get().context(Context{})));
    EXPECT_FALSE(has_trace("with a context of its own"));
    {
      const ContextScope inner{Context{}};
      ASSERT_TRUE(caller.call("a", "get", get()));
      EXPECT_FALSE(has_trace("in an inner scope"));
    }
    std::thread([&] { EXPECT_TRUE(caller.call("a", "get", get())); }).join();
    EXPECT_FALSE(has_trace("on another thread"));
  }
  ASSERT_TRUE(caller.call("a", "get", get()));
  EXPECT_FALSE(has_trace("after the scope"));
}

TEST(Context, InTheDarkADeadlineEndsNothingAndIsCountedAndOffItIsNotEvenSent) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("a", "get", json_response("{}"));
  Context context;
  context.deadline = std::chrono::steady_clock::now() - 1ms;

  Caller dark = caller_of(transport, "context.deadline = \"dark\"\n");
  EXPECT_TRUE(dark.call("a", "get", get().context(context)));
  EXPECT_NE(dark.metrics_text().find("callerapi_deadline_expired_total{service=\"a\",endpoint="
                                     "\"get\",where=\"dark\"} 1\n"),
            std::string::npos);
  Caller off = caller_of(transport, "context.deadline = \"off\"\n");
  EXPECT_TRUE(off.call("a", "get", get().context(context)));

  EXPECT_NE(field(transport->requests()[0], "Caller-Timeout-Ms"), "");
  EXPECT_EQ(field(transport->requests()[1], "Caller-Timeout-Ms"), "");
}

TEST(Context, WhatIsLeftOfAnAllowanceIsSentWhereTheRegistrySaysSo) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("a", "get", json_response("busy", 503));
  const Context context = inbound({{"Caller-Attempts-Left", "4"}});
  Caller silent = caller_of(transport);
  ASSERT_TRUE(silent.call("a", "get", get().context(context).max_attempts(1)));
  Caller telling = caller_of(transport, "context.attempts_left = true\n");
  ASSERT_TRUE(telling.call("a", "get", get().context(context)));

  const auto seen = transport->requests();
  EXPECT_EQ(field(seen.at(0), "Caller-Attempts-Left"), "");
  EXPECT_EQ(field(seen.at(1), "Caller-Attempts-Left"), "4");
  EXPECT_EQ(field(seen.at(2), "Caller-Attempts-Left"), "3");
}

Response expired(int status) {
  Response response = json_response("late", status);
  response.headers.add("Caller-Deadline-Expired", "1");
  return response;
}

TEST(Context, AServiceThatRanOutOfTheCallsTimeEndsTheCall) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("a", "get", expired(504));
  Caller caller = caller_of(transport);
  Context context;
  context.deadline = std::chrono::steady_clock::now() + 5s;

  const auto answer = caller.call("a", "get", get().context(context));

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(answer.error().reason, "peer");
  EXPECT_EQ(answer.error().status, 504);
  EXPECT_NE(answer.error().message.find("the service answered HTTP 504 because the 4"),
            std::string::npos)
      << answer.error().message;
  EXPECT_NE(answer.error().message.find("raise Context::deadline if it needs longer"),
            std::string::npos)
      << answer.error().message;
  EXPECT_EQ(transport->requests().size(), 1u);
}

TEST(Context, AServiceThatRanOutOfTheAttemptsTimeIsAskedAgain) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->once("a", "get", expired(504)).on("a", "get", json_response("{}"));
  transport->once("b", "get", expired(200)).once("c", "get", expired(399));
  Caller caller = caller_of(transport, "timeouts.attempt = \"2s\"\n");

  const auto answer = caller.call("a", "get", get());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->attempts, 2);
  EXPECT_TRUE(caller.call("b", "get", get())) << "only a refusal can mean it";
  EXPECT_TRUE(caller.call("c", "get", get()));
}

}  // namespace
}  // namespace callerapi
