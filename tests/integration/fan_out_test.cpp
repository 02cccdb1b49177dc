#include "callerapi/fan_out.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server, std::shared_ptr<Executor> executor = nullptr) {
  return support::echo_caller(server.url(), "", std::move(executor));
}

/// Answers with the path; "/never/..." not at all.
Script by_path(const SeenRequest& request) {
  if (request.target.starts_with("/never")) return {};
  if (request.target.starts_with("/reset")) return {.bytes = "", .reset = true};
  return {.bytes = support::ok(request.target)};
}

std::vector<Call<Response>> start(Caller& caller, const std::vector<std::string>& paths) {
  std::vector<Call<Response>> calls;
  for (const std::string& path : paths)
    calls.push_back(caller.start_request("echo", "GET", path, Request{}.max_attempts(1)));
  return calls;
}

TEST(WhenAll, GivesTheResultsInTheOrderOfTheCalls) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);

  const auto all = when_all(start(caller, {"/a", "/reset", "/c"})).get();

  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].value().body, "/a");
  EXPECT_EQ((*all)[1].error().outcome, Outcome::connection_reset);
  EXPECT_EQ((*all)[2].value().body, "/c");
}

TEST(WhenAll, MoreFailuresThanAllowedCancelTheRest) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);

  const auto all = when_all(start(caller, {"/never", "/reset", "/reset"}), 1).get();

  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0].error().outcome, Outcome::cancelled);
}

TEST(WhenAll, CancellingItCancelsAll) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);
  auto both = when_all(start(caller, {"/never/1", "/never/2"}));

  both.cancel();
  const auto all = std::move(both).get();

  for (const auto& one : *all) EXPECT_EQ(one.error().outcome, Outcome::cancelled);
}

TEST(WhenAll, TypesMayDiffer) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);
  auto size = caller.start_request("echo", "GET", "/four", {})
                  .as<std::size_t>([](Result<Response> r) -> Result<std::size_t> {
                    if (!r) return std::move(r).error();
                    return r->body.size();
                  });

  auto both = when_all(caller.start_request("echo", "GET", "/a", {}), std::move(size)).get();

  ASSERT_TRUE(both);
  EXPECT_EQ(std::get<0>(*both).value().body, "/a");
  EXPECT_EQ(std::get<1>(*both).value(), 5u);
}

TEST(WhenAll, NoCallsAreDoneAtOnce) {
  EXPECT_TRUE(when_all(std::vector<Call<Response>>{}).get().value().empty());
}

TEST(WhenAll, WaitingInACallbackOfTheOnlyExecutorThreadEnds) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server, Executor::pool(1));
  std::promise<std::size_t> seen;
  caller.start_request("echo", "GET", "/first", {}).then([&](Result<Response>) {
    seen.set_value(when_all(start(caller, {"/a", "/b"})).get().value().size());
  });
  auto answer = seen.get_future();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(answer.get(), 2u);
}

TEST(WhenAll, OnTheReactorItRefusesToWaitForItself) {
  // A call that has ended before then() tells it there, on this thread.
  std::atomic<bool> asked{false};
  ScriptedServer server([&](const SeenRequest& request) {
    asked.wait(false);
    return by_path(request);
  });
  Caller caller = caller_of(server, Executor::inline_executor());
  std::promise<std::string> seen;
  caller.start_request("echo", "GET", "/first", {}).then([&](Result<Response>) {
    const auto all = when_all(start(caller, {"/never"})).get();
    seen.set_value(all ? "" : all.error().reason);
  });
  asked = true;
  asked.notify_all();
  EXPECT_EQ(seen.get_future().get(), "would_deadlock");
}

TEST(FirstOk, TheFirstSuccessEndsItAndTheOthersAreCancelled) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);
  std::vector<Call<Response>> calls = start(caller, {"/never", "/reset", "/good"});

  const auto first = first_ok(std::move(calls)).get();

  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->body, "/good");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (caller.stats().calls_in_flight > 0)
    ASSERT_LT(std::chrono::steady_clock::now(), until) << "the slow one goes on";
}

TEST(FirstOk, WhenAllFailItSaysSo) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);

  const auto first = first_ok(start(caller, {"/reset", "/reset"})).get();

  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().message.find("none of 2 calls succeeded; the first: echo GET: "), 0u)
      << first.error().message;
  EXPECT_EQ(first_ok(std::vector<Call<Response>>{}).get().error().reason, "no_calls");
}

TEST(FirstOk, EveryFaceOfACallIsThere) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);
  std::promise<std::string> then;
  first_ok(start(caller, {"/a"})).then([&](Result<Response> r) { then.set_value(r.value().body); });
  EXPECT_EQ(then.get_future().get(), "/a");
  EXPECT_EQ(first_ok(start(caller, {"/b"})).future().get().value().body, "/b");
}

}  // namespace
}  // namespace callerapi
