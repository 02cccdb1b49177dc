#include "callerapi/fan_out.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <string>
#include <thread>
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

template <class T>
void until_done(const Call<T>& call) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!call.done() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
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

/// Runs `code` on the loop of a Caller at a server that answers by_path, and gives what it says.
std::string on_the_loop(const std::function<std::string(Caller&)>& code) {
  // A call that has ended before then() tells it there, on this thread.
  std::atomic<bool> asked{false};
  ScriptedServer server([&](const SeenRequest& request) {
    if (request.target == "/first") asked.wait(false);
    return by_path(request);
  });
  Caller caller = caller_of(server, Executor::inline_executor());
  std::promise<std::string> said;
  caller.start_request("echo", "GET", "/first", {}).then([&](Result<Response>) {
    said.set_value(code(caller));
  });
  asked = true;
  asked.notify_all();
  auto seen = said.get_future();
  if (seen.wait_for(std::chrono::seconds(10)) == std::future_status::ready) return seen.get();
  ADD_FAILURE() << "the loop waits for itself";
  std::_Exit(1);  // as the Caller would
}

/// One that has ended and one that never does.
std::vector<Call<Response>> half_ended(Caller& caller) {
  std::vector<Call<Response>> calls;
  calls.push_back(caller.start("nobody", "fails at once"));
  calls.push_back(caller.start_request("echo", "GET", "/never", {}));
  return calls;
}

TEST(WhenAll, OnTheReactorItRefusesThoughOneHasEnded) {
  EXPECT_EQ(on_the_loop([](Caller& caller) {
              const auto all = when_all(half_ended(caller)).get();
              return all ? "" : all.error().reason;
            }),
            "would_deadlock");
}

TEST(FirstOk, OnTheReactorItRefusesThoughOneHasFailed) {
  EXPECT_EQ(on_the_loop([](Caller& caller) {
              const auto first = first_ok(half_ended(caller)).get();
              return first ? "" : first.error().reason;
            }),
            "would_deadlock");
}

TEST(WhenAll, IsDoneWhenAllAre) {
  ScriptedServer server(by_path);
  Caller caller = caller_of(server);
  auto both = when_all(start(caller, {"/a", "/b"}));
  until_done(both);
  EXPECT_TRUE(both.done());
  EXPECT_EQ(std::move(both).get().value().size(), 2u);

  std::vector<Call<Response>> half = start(caller, {"/a", "/never"});
  until_done(half.front());
  EXPECT_FALSE(when_all(std::move(half)).done());
  EXPECT_TRUE(when_all(std::vector<Call<Response>>{}).done());
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
