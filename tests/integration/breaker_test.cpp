#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using testing::failure;
using testing::json_response;
using testing::ScriptedTransport;

std::string registry_of(const std::string& keys, const std::string& url = "http://echo.test") {
  return "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + url +
         "\"\nretry.base = \"1ms\"\nretry.cap = \"1ms\"\nretry.throttle_base = \"1ms\"\n" + keys;
}

Options options_with(std::shared_ptr<testing::Transport> transport) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = std::move(transport);
  return options;
}

Caller caller_of(const std::string& keys, std::shared_ptr<testing::Transport> transport) {
  return Caller::from_toml(registry_of(keys), options_with(std::move(transport))).value();
}

Request get() { return Request{}.path("id", "1"); }
Request once() { return get().max_attempts(1); }
std::string breaker(const Caller& caller) { return caller.services().at(0).breaker; }

void fail_until_open(Caller& caller) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(breaker(caller), "closed") << i;
    static_cast<void>(caller.call("echo", "get", once()));
  }
  ASSERT_EQ(breaker(caller), "open");
}

TEST(S19, N1_APostIsRepeatedOnlyWithAKeyAndThenWithTheSame) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "create",
                [](const auto&) { return failure(Outcome::connection_reset, Sent::maybe); });
  transport->on("echo", "keyed",
                [](const auto&) { return failure(Outcome::connection_reset, Sent::maybe); });
  Caller caller = caller_of("", transport);

  const auto plain = caller.call("echo", "create", Request{}.json_text("{}"));
  const auto keyed = caller.call("echo", "keyed", Request{}.json_text("{}"));

  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().attempts, 1);
  ASSERT_FALSE(keyed);
  EXPECT_EQ(keyed.error().attempts, 2);
  const auto seen = transport->requests();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_FALSE(seen[0].headers.contains("Idempotency-Key"));
  ASSERT_TRUE(seen[1].headers.contains("Idempotency-Key"));
  EXPECT_EQ(seen[1].headers.get("Idempotency-Key"), seen[2].headers.get("Idempotency-Key"));
}

TEST(S19, N3_AThousandCallsThatFailCostElevenHundredAttemptsAndTen) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of("breaker.mode = \"forced_closed\"\n", transport);

  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(caller.call("echo", "get", get()));

  const Stats stats = caller.stats();
  EXPECT_LE(stats.attempts, 1110u);
  EXPECT_GE(stats.attempts, 1100u) << "the budget is there to be used";
  EXPECT_EQ(stats.retries + stats.retries_denied, 1000u);
}

TEST(S19, N3_AThousandCallsAtOnceObeyTheBudgetToo) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of("breaker.mode = \"forced_closed\"\n", transport);

  std::vector<Call<Response>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(caller.start("echo", "get", get()));
  for (auto& call : calls) ASSERT_TRUE(call.get());

  EXPECT_LE(caller.stats().attempts, 1110u);
}

TEST(Budget, WithoutOneNothingIsRetried) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller =
      caller_of("retry.budget_ratio = \"0%\"\nretry.budget_min_per_second = 0\n", transport);

  const auto answer = caller.call("echo", "get", get());

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->attempts, 1);
  EXPECT_EQ(caller.stats().retries_denied, 1u);
}

TEST(S19, N6_AnAttemptCutShortByTheDeadlineCountsNowhere) {
  support::ScriptedServer silent([](const auto&) { return support::Script{}; });
  Caller caller = Caller::from_toml(registry_of("timeouts.attempt = \"10s\"\n", silent.url()),
                                    options_with(nullptr))
                      .value();
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 45; ++i) calls.push_back(caller.start("echo", "get", get().timeout(20ms)));
  for (auto& call : calls) {
    const auto ended = call.get();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().outcome, Outcome::deadline_exceeded) << ended.error().message;
  }
  EXPECT_EQ(breaker(caller), "closed");
}

TEST(S19, N6_AnAttemptThatHadItsTimeCounts) {
  support::ScriptedServer silent([](const auto&) { return support::Script{}; });
  Caller caller = Caller::from_toml(registry_of("timeouts.attempt = \"20ms\"\n", silent.url()),
                                    options_with(nullptr))
                      .value();
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(caller.start("echo", "get", once()));
  for (auto& call : calls) EXPECT_EQ(call.get().error().outcome, Outcome::attempt_timeout);
  EXPECT_EQ(breaker(caller), "open");
}

TEST(Breaker, AServiceThatHangsTheWholeTotalOpensIt) {
  support::ScriptedServer silent([](const auto&) { return support::Script{}; });
  Caller caller = Caller::from_toml(registry_of("timeouts.total = \"20ms\"\n", silent.url()),
                                    options_with(nullptr))
                      .value();
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 20; ++i)
    calls.push_back(caller.start("echo", "create", Request{}.json_text("{}")));
  for (auto& call : calls) EXPECT_EQ(call.get().error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(breaker(caller), "open") << "an endpoint that is never retried has the total to itself";
}

TEST(S19, N7_AnOpenBreakerRefusesWithItsNumbers) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of("", transport);
  fail_until_open(caller);

  const auto refused = caller.call("echo", "get", get());

  ASSERT_FALSE(refused);
  const Error& error = refused.error();
  EXPECT_EQ(error.outcome, Outcome::circuit_open);
  EXPECT_EQ(error.reason, "breaker");
  EXPECT_EQ(error.sent, Sent::no);
  EXPECT_EQ(error.attempts, 0);
  EXPECT_EQ(error.condition(), Condition::overloaded);
  const std::string begin =
      "echo.get: circuit_open in queue after 0 ms (attempt 0, sent=no): the service's breaker is "
      "open: 20 of 20 attempts failed; retry in ";
  ASSERT_EQ(error.message.substr(0, begin.size()), begin) << error.message;
  const int retry_ms = std::stoi(error.message.substr(begin.size()));
  EXPECT_GE(retry_ms, 3000);
  EXPECT_LE(retry_ms, 6000);
  EXPECT_TRUE(error.message.ends_with(" ms"));
  EXPECT_EQ(transport->requests().size(), 20u) << "nothing was sent, and it is not retried";
  EXPECT_EQ(caller.stats().breaker_rejected, 1u);
}

TEST(Breaker, ARefusedRetryDoesNotHideThatTheFirstAttemptMayHaveArrived) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get",
                [](const auto&) { return failure(Outcome::connection_reset, Sent::maybe); });
  Caller caller = caller_of("breaker.min_calls = 1\n", transport);

  const auto refused = caller.call("echo", "get", get());

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::circuit_open) << refused.error().message;
  EXPECT_EQ(refused.error().attempts, 1);
  EXPECT_EQ(refused.error().sent, Sent::maybe);
}

TEST(Breaker, ASoundServiceClosesItAgain) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of("breaker.open = \"100ms\"\n", transport);
  fail_until_open(caller);
  transport->on("echo", "get", json_response("{}"));

  const auto give_up = std::chrono::steady_clock::now() + 10s;
  int good = 0;
  while (good < 5 && std::chrono::steady_clock::now() < give_up)
    good += caller.call("echo", "get", get()) ? 1 : 0;

  EXPECT_EQ(good, 5);
  EXPECT_EQ(breaker(caller), "closed");
}

TEST(Breaker, WhatTheServiceIsNotToBlameForNeverOpensIt) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}", 404));
  transport->on("echo", "create", json_response("{}", 429));
  Caller caller = caller_of("", transport);
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(caller.call("echo", "get", once()));
    static_cast<void>(caller.call("echo", "create", Request{}.json_text("{}")));
    static_cast<void>(
        caller.call("echo", "put", get().body(Body::text("x"))));  // nothing is scripted for it
  }
  EXPECT_EQ(breaker(caller), "closed");
}

TEST(Breaker, ItsModesCanBeSet) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  for (const std::string mode : {"off", "dark", "forced_closed"}) {
    Caller caller = caller_of("breaker.mode = \"" + mode + "\"\n", transport);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(caller.call("echo", "get", once())) << mode;
    EXPECT_EQ(breaker(caller), mode == "dark" ? "open" : mode);
    EXPECT_EQ(caller.stats().breaker_rejected, mode == "dark" ? 30u : 0u);
  }
  Caller caller = caller_of("breaker.mode = \"forced_open\"\n", transport);
  const auto refused = caller.call("echo", "get", get());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "echo.get: circuit_open in queue after 0 ms (attempt 0, sent=no): the registry keeps "
            "the service from being called (breaker.mode = \"forced_open\")");
}

TEST(S19, N7_NoMoreThanFiveOfSixtyFourThreadsTryAHalfOpenService) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of("breaker.open = \"100ms\"\n", transport);
  fail_until_open(caller);
  std::atomic<int> refused{0}, answered{0};
  const auto give_up = std::chrono::steady_clock::now() + 8s;
  transport->on("echo", "get", [&](const testing::SeenRequest&) -> Result<Response> {
    // A probe ends when everybody else has been told no.
    while (refused < 59 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    return json_response("busy", 503);
  });

  std::vector<std::thread> crowd;
  for (int t = 0; t < 64; ++t)
    crowd.emplace_back([&] {
      auto result = caller.call("echo", "get", once());
      while (!result && result.error().message.find("breaker is open") != std::string::npos)
        result = caller.call("echo", "get", once());
      ++(result ? answered : refused);
    });
  for (std::thread& one : crowd) one.join();

  EXPECT_EQ(answered, 5);
  EXPECT_EQ(refused, 59);
  EXPECT_EQ(transport->requests().size(), 25u);
}

TEST(Breaker, AReloadOfNumbersKeepsWhatWasCounted) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  const auto file = std::filesystem::temp_directory_path() /
                    ("breaker_test_" + std::to_string(::getpid()) + ".toml");
  std::ofstream(file) << registry_of("");
  auto opened = Caller::open(file.string(), options_with(transport));
  ASSERT_TRUE(opened) << opened.error().message;
  Caller caller = std::move(opened).value();
  for (int i = 0; i < 15; ++i) static_cast<void>(caller.call("echo", "get", once()));
  ASSERT_EQ(breaker(caller), "closed");

  std::ofstream(file) << registry_of("breaker.min_calls = 16\nbreaker.window = \"60s\"\n");
  ASSERT_TRUE(caller.reload());
  static_cast<void>(caller.call("echo", "get", once()));

  EXPECT_EQ(breaker(caller), "open") << "fifteen before the reload and one after it";
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace callerapi
