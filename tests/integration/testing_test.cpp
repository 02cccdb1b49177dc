#include "callerapi/testing.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "callerapi/caller.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::testing {
namespace {

Caller caller_of(const std::shared_ptr<Transport>& transport) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = transport;
  return Caller::from_toml(
             "schema = 1\n[services.echo]\nplugin = \"static:echo\"\n"
             "base_url = \"http://echo.test/prefix\"\n"
             "retry.base = \"1ms\"\nretry.throttle_base = \"1ms\"\n",
             std::move(options))
      .value();
}

TEST(ScriptedTransport, AnswersByServiceAndEndpointAndRemembersWhatWouldHaveGoneOut) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response(R"({"id":"42"})"));
  Caller caller = caller_of(transport);

  auto here = caller.call("echo", "get", Request{}.path("id", "a b").query("q", "1"));
  auto there = caller.start("echo", "get", Request{}.path("id", "2")).get();

  ASSERT_TRUE(here) << here.error().message;
  EXPECT_EQ(here->body, R"({"id":"42"})");
  ASSERT_TRUE(there) << there.error().message;
  const auto seen = transport->requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].method, "GET");
  EXPECT_EQ(seen[0].target, "/prefix/echo/a%20b?q=1");
  EXPECT_EQ(seen[0].headers.get("Host"), "echo.test");
  EXPECT_EQ(seen[0].headers.get("Accept"), "application/json");
  EXPECT_TRUE(transport->unexpected().empty());
  EXPECT_EQ(caller.stats().connections_opened, 0u);
}

TEST(ScriptedTransport, AnAttemptThatNothingWasScriptedForFailsAndIsListed) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport);

  auto named = caller.call("echo", "create", Request{}.json_text("{}"));
  auto ad_hoc = caller.request("echo", "GET", "/x");

  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().outcome, Outcome::invalid_argument);
  EXPECT_EQ(named.error().reason, "unexpected_request");
  EXPECT_NE(named.error().message.find("no answer is scripted for echo.create; scripted are: "
                                       "echo.get"),
            std::string::npos)
      << named.error().message;
  EXPECT_FALSE(ad_hoc);
  EXPECT_EQ(transport->unexpected(),
            (std::vector<std::string>{"echo.create", "echo.GET /prefix/x"}));
}

TEST(ScriptedTransport, RetriesAreThoseOfTheEngine) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->once("echo", "get", json_response("busy", 503))
      .once("echo", "get", failure(Outcome::connection_reset, Sent::maybe))
      .on("echo", "get", json_response("fine"))
      .once("echo", "create", failure(Outcome::connection_reset, Sent::maybe));
  Caller caller = caller_of(transport);

  auto after_busy = caller.call("echo", "get", Request{}.path("id", "1"));
  auto after_reset = caller.start("echo", "get", Request{}.path("id", "1")).get();
  auto post = caller.call("echo", "create", Request{}.json_text("{}"));

  // Two attempts are built in: the first call meets 503 and the reset, the second is answered.
  ASSERT_FALSE(after_busy);
  EXPECT_EQ(after_busy.error().attempts, 2);
  ASSERT_TRUE(after_reset);
  EXPECT_EQ(after_reset->attempts, 1);
  ASSERT_FALSE(post);
  EXPECT_EQ(post.error().attempts, 1) << "a POST that may have arrived is not repeated";
  EXPECT_TRUE(transport->unused().empty());
}

TEST(ScriptedTransport, AStreamedBodyIsSeenWhole) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "put", json_response("{}"));
  Caller caller = caller_of(transport);
  int left = 3;
  auto body = Body::generated([left](std::span<char> into) mutable -> Result<std::size_t> {
    if (left-- == 0) return std::size_t{0};
    into[0] = 'x';
    return std::size_t{1};
  });

  auto answer = caller.call("echo", "put", Request{}.path("id", "1").body(std::move(body)));

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(transport->requests().at(0).body, "xxx");
  EXPECT_EQ(transport->requests().at(0).headers.get("Transfer-Encoding"), "chunked");
}

TEST(ScriptedTransport, WhatItThrowsEndsTheCallAndNothingElse) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", [](const SeenRequest& request) -> Result<Response> {
    if (request.target.ends_with("/bad")) throw std::runtime_error("boom");
    return json_response("{}");
  });
  Caller caller = caller_of(transport);

  auto thrown = caller.start("echo", "get", Request{}.path("id", "bad")).get();
  auto fine = caller.start("echo", "get", Request{}.path("id", "good")).get();

  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().outcome, Outcome::internal);
  EXPECT_NE(thrown.error().message.find("the testing transport threw: boom"), std::string::npos);
  EXPECT_TRUE(fine);
}

}  // namespace
}  // namespace callerapi::testing
