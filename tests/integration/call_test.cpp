#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// A Caller with one service, `echo`, at the given server.
Caller caller_of(const ScriptedServer& server, const std::string& more = "", Options options = {}) {
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               server.url() + "\"\n" + more,
                           std::move(options))
      .value();
}

Script echo(const SeenRequest& request) {
  return {.bytes = support::ok(request.method + " " + request.target + " " + request.body)};
}

std::string field(const SeenRequest& request, const std::string& name) {
  const auto at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

TEST(Call, ByNameReachesTheServiceAndBringsItsAnswer) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  auto response = caller.call("echo", "get", Request{}.path("id", "a b/c").query("q", "x&y"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "GET /echo/a%20b%2Fc?q=x%26y ");
  EXPECT_EQ(field(server.requests().at(0), "Accept"), "application/json");
}

TEST(Call, OneConnectionServesManyCalls) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  for (int i = 0; i < 50; ++i) ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(caller.start("echo", "get", Request{}.path("id", "1")).get());

  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(caller.stats().connections_reused, 99u);
}

TEST(Call, AnUnknownServiceOrEndpointNamesTheNearest) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  EXPECT_EQ(caller.call("ecko", "get").error().message,
            "ecko: no such service; did you mean 'echo'?");
  EXPECT_EQ(caller.call("echo", "create1").error().message,
            "echo.create1: no such endpoint; did you mean 'create'?");
  EXPECT_EQ(server.connections(), 0);
}

TEST(Call, ByMethodAndPathTakesNoParametersOfAPathAndNoUrl) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  const auto filled = caller.request("echo", "GET", "/x", Request{}.path("id", "9"));
  const auto moved = caller.request("echo", "GET", "/x", Request{}.at(server.url() + "/next"));

  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().outcome, Outcome::invalid_argument);
  EXPECT_EQ(filled.error().reason, "unknown_parameter");
  EXPECT_EQ(filled.error().message,
            "echo GET: no path parameter 'id' in /x; a request by method and path is sent to that "
            "path as it is");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().reason, "location");
  EXPECT_EQ(moved.error().message,
            "echo GET: Request::at() is for endpoints; give the path of the URL in place of /x");
  EXPECT_TRUE(server.requests().empty());
}

TEST(Call, AnIllegalByteNeverLeaves) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  auto header = caller.call("echo", "get", Request{}.path("id", "1").header("X-A", "a\r\nX-B: c"));
  auto dots = caller.call("echo", "get", Request{}.path("id", ".."));
  auto body = caller.call("echo", "get", Request{}.path("id", "1").json_text("{}"));

  EXPECT_EQ(header.error().reason, "illegal_byte");
  EXPECT_EQ(header.error().message, "echo.get: header 'X-A' holds a control byte in its value");
  EXPECT_EQ(dots.error().reason, "dot_segment");
  EXPECT_EQ(body.error().reason, "body_not_taken");
  EXPECT_TRUE(server.requests().empty());
}

TEST(Call, AKeptConnectionThatTheServerClosedCostsAGetNothing) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);
  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));

  for (int i = 0; i < 20; ++i) {
    server.drop_connections();
    auto response = caller.call("echo", "get", Request{}.path("id", std::to_string(i)));
    ASSERT_TRUE(response) << response.error().message;
  }
}

TEST(Call, APostThatMayHaveArrivedIsNeverSentAgain) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = {}, .reset = true}; });
  Caller caller = caller_of(server);

  auto post = caller.call("echo", "create", Request{}.json_text("{}"));

  ASSERT_FALSE(post);
  EXPECT_EQ(post.error().outcome, Outcome::connection_reset);
  EXPECT_EQ(post.error().sent, Sent::maybe);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Call, AnIdempotencyKeyMakesAPostRepeatableAndStaysTheSame) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest&) {
    return count++ == 0 ? Script{.bytes = {}, .reset = true} : Script{.bytes = support::ok("done")};
  });
  Caller caller = caller_of(server);

  auto response = caller.call("echo", "keyed", Request{}.json_text("{}"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->attempts, 2);
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_FALSE(field(seen[0], "Idempotency-Key").empty());
  EXPECT_EQ(field(seen[0], "Idempotency-Key"), field(seen[1], "Idempotency-Key"));
  EXPECT_EQ(field(seen[1], "Caller-Previous-Attempts"), "1");
}

TEST(Call, AnUnavailableServiceIsAskedAgain) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = count++ == 0 ? support::status(503, "busy") : support::ok("fine")};
  });
  Caller caller = caller_of(server);

  auto response = caller.call("echo", "get", Request{}.path("id", "1"));

  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "fine");
  EXPECT_EQ(response->attempts, 2);
}

TEST(Call, WithRetryOffTheFirstAnswerStands) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::status(503, "busy")}; });
  Caller caller = caller_of(server, "retry.max_attempts = 1\n");

  auto response = caller.call("echo", "get", Request{}.path("id", "1"));

  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Call, ATruncatedBodyIsAnErrorAndBytesBehindAnAnswerAreNobodys) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest& request) -> Script {
    if (request.target == "/echo/short")
      return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .close = true};
    if (request.target == "/echo/more")
      return {.bytes = support::ok("one") + support::ok("forged")};
    return echo(request);
  });
  Caller caller = caller_of(server, "retry.max_attempts = 1\n");

  auto truncated = caller.call("echo", "get", Request{}.path("id", "short"));
  auto more = caller.call("echo", "get", Request{}.path("id", "more"));
  auto canary = caller.call("echo", "get", Request{}.path("id", "canary"));

  ASSERT_FALSE(truncated);
  EXPECT_EQ(truncated.error().outcome, Outcome::response_truncated);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->body, "one");
  ASSERT_TRUE(canary);
  EXPECT_EQ(canary->body, "GET /echo/canary ");
}

TEST(Call, ASilentServiceEndsAtTheDeadline) {
  ScriptedServer server([](const SeenRequest&) { return Script{}; });
  Caller caller = caller_of(server);

  auto here = caller.call("echo", "get", Request{}.path("id", "1").timeout(50ms));
  auto there = caller.start("echo", "get", Request{}.path("id", "1").timeout(50ms)).get();

  ASSERT_FALSE(here);
  EXPECT_EQ(here.error().outcome, Outcome::deadline_exceeded);
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(there.error().condition(), Condition::timeout);
}

TEST(Call, CancelEndsItOnceAndTheCallerIsClean) {
  ScriptedServer server(
      [](const SeenRequest& r) { return r.target == "/echo/never" ? Script{} : echo(r); });
  Caller caller = caller_of(server);
  std::promise<Result<Response>> ended;
  std::atomic<int> times{0};

  auto call = caller.start("echo", "get", Request{}.path("id", "never"));
  auto cancel = call.canceller();
  call.then([&](Result<Response> r) {
    if (times++ == 0) ended.set_value(std::move(r));
  });
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (server.requests().empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  cancel();
  cancel();

  EXPECT_EQ(ended.get_future().get().error().outcome, Outcome::cancelled);
  EXPECT_TRUE(caller.call("echo", "get", Request{}.path("id", "canary")));
  EXPECT_EQ(times.load(), 1);
}

TEST(Call, ClosingTheCallerEndsWhatIsInFlight) {
  ScriptedServer server([](const SeenRequest&) { return Script{}; });
  std::future<Result<Response>> future;
  {
    Caller caller = caller_of(server);
    future = caller.start("echo", "get", Request{}.path("id", "1")).future();
  }
  EXPECT_EQ(future.get().error().outcome, Outcome::shutdown);
}

TEST(Call, ACompletionOnTheLoopMayShutTheCallerDown) {
  ScriptedServer server([](const SeenRequest& seen) {
    return seen.target == "/echo/first" ? Script{.bytes = support::ok("hello")} : Script{};
  });
  Options options;
  options.executor = Executor::inline_executor();
  Caller caller = caller_of(server, "", std::move(options));
  auto silent = caller.start("echo", "get", Request{}.path("id", "silent")).future();
  std::promise<void> down;

  caller.start("echo", "get", Request{}.path("id", "first")).then([&](Result<Response>) {
    caller.shutdown(std::chrono::hours(1));
    down.set_value();
  });

  ASSERT_EQ(down.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready)
      << "the loop waits for itself";
  EXPECT_EQ(silent.get().error().outcome, Outcome::shutdown);
}

TEST(Call, ManyAtOnceEachGetTheirOwnAnswer) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server, "pool.connections_max = 8\nlimits.inflight = 500\n");
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 500; ++i)
    calls.push_back(caller.start("echo", "get", Request{}.path("id", std::to_string(i))));

  for (int i = 0; i < 500; ++i) {
    auto response = calls[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "GET /echo/" + std::to_string(i) + " ");
  }
  EXPECT_LE(server.connections(), 8);
}

TEST(Call, AResponseBeyondTheLimitIsRefused) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::ok(std::string(5000, 'x'))}; });
  Caller caller = caller_of(server, "limits.response_body = \"4KiB\"\n");

  auto response = caller.call("echo", "get", Request{}.path("id", "1"));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().outcome, Outcome::response_too_large);
}

TEST(Call, DroppedAtOnceByManyThreadsNoneIsLostAndNoOtherIsHit) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("fine")}; });
  Caller caller = caller_of(server);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        { const auto dropped = caller.start("echo", "get", Request{}.path("id", "1")); }
        if (n % 50 == 0) {
          EXPECT_TRUE(caller.start("echo", "get", Request{}.path("id", "2")).get());
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (caller.stats().calls_in_flight > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(caller.stats().calls_in_flight, 0u);
}

}  // namespace
}  // namespace callerapi
