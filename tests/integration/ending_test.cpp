#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/fan_out.hpp"
#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::echo_caller;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// Answers with the path; "/never" not at all.
Script by_path(const SeenRequest& request) {
  if (request.target == "/never") return {};
  return {.bytes = support::ok(request.target)};
}

TEST(Ending, TheCallerGoesAfterEveryContinuationHasRun) {
  ScriptedServer server(by_path);
  std::optional<Caller> caller = echo_caller(server.url());
  std::atomic<int> ran{0};
  std::promise<void> first, go_on;
  for (int i = 0; i < 3; ++i)
    caller->start_request("echo", "GET", "/never").then([&](Result<Response> r) {
      EXPECT_EQ(r.error().outcome, Outcome::shutdown);
      if (ran++ > 0) return;
      first.set_value();
      go_on.get_future().wait();
    });

  auto gone = std::async(std::launch::async, [&] { caller.reset(); });
  first.get_future().wait();
  EXPECT_EQ(gone.wait_for(50ms), std::future_status::timeout) << "a continuation still runs";
  go_on.set_value();
  gone.get();
  EXPECT_EQ(ran.load(), 3);
}

TEST(Ending, AContinuationMayStartCallsThatAreRefused) {
  ScriptedServer server(by_path);
  std::promise<Outcome> last;
  {
    Caller caller = echo_caller(server.url());
    caller.start_request("echo", "GET", "/never").then([&](Result<Response>) {
      caller.start_request("echo", "GET", "/more").then([&](Result<Response> r) {
        last.set_value(r ? Outcome::ok : r.error().outcome);
      });
    });
  }
  auto seen = last.get_future();
  ASSERT_EQ(seen.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(seen.get(), Outcome::shutdown);
}

/// What a queue that nobody drains holds, and the queue itself, go with the Caller and the handle.
template <class Start>
void expect_it_goes(Start start) {
  ScriptedServer server(by_path);
  auto queue = std::make_shared<CompletionQueue>();
  const std::weak_ptr<Executor> seen = queue;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> continuation = held;
  {
    Caller caller = echo_caller(server.url(), "", queue);
    start(caller, [held](auto&&) {});
    held.reset();
  }
  queue.reset();
  EXPECT_TRUE(seen.expired());
  EXPECT_TRUE(continuation.expired());
}

TEST(Ending, AQueueThatNobodyDrainsIsNotKept) {
  expect_it_goes(
      [](Caller& caller, auto then) { caller.start_request("echo", "GET", "/never").then(then); });
}

TEST(Ending, NorByAStreamThatLiesInIt) {
  expect_it_goes([](Caller& caller, auto then) {
    caller.start_stream("echo", "get", Request{}.path("id", "1")).then(then);
  });
}

TEST(Ending, NorBySeveralCallsAsOne) {
  expect_it_goes([](Caller& caller, auto then) {
    std::vector<Call<Response>> calls;
    for (const char* path : {"/never", "/a", "/never"})
      calls.push_back(caller.start_request("echo", "GET", path));
    when_all(std::move(calls)).then(then);
  });
}

TEST(Ending, AStreamThatOutlivesTheCallerIsReadWithoutItsThread) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
  });
  std::optional<Caller> caller = echo_caller(server.url());
  auto stream = caller->request_stream("echo", "GET", "/").value();
  caller.reset();

  std::optional<Outcome> told;
  const auto here = std::this_thread::get_id();
  std::thread::id where;
  for (int i = 0; i < 2 && !told; ++i)  // what had come is told first
    stream.next().then([&](Result<std::string> piece) {
      where = std::this_thread::get_id();
      if (!piece) told = piece.error().outcome;
    });
  EXPECT_EQ(told, Outcome::shutdown);
  EXPECT_EQ(where, here);
}

/// Waits until shutdown() has begun: what is started from then on is refused.
void until_refused(Caller& caller) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (caller.call("nobody", "late").error().outcome != Outcome::shutdown)
    ASSERT_LT(std::chrono::steady_clock::now(), until);
}

TEST(Draining, WaitsForACallThatTheLoopHasNotBegun) {
  ScriptedServer server(by_path);
  Caller caller = echo_caller(server.url(), "", Executor::inline_executor());
  std::promise<void> holds, go_on;
  caller.start_request("echo", "GET", "/a").then([&](Result<Response>) {
    holds.set_value();
    go_on.get_future().wait();
  });
  holds.get_future().wait();
  auto started = caller.start_request("echo", "GET", "/b").future();
  auto down = std::async(std::launch::async, [&] { caller.shutdown(20s); });
  until_refused(caller);
  go_on.set_value();

  const auto answer = started.get();
  EXPECT_TRUE(answer) << answer.error().message;
  down.get();
}

TEST(Draining, WaitsForACallThatHasNoThreadYet) {
  ScriptedServer server(by_path);
  Caller caller = echo_caller(server.url());
  std::promise<void> gate;
  const auto opened = gate.get_future().share();
  std::vector<std::future<Result<Response>>> started;
  for (int i = 0; i < 40; ++i)  // more than there are threads
    started.push_back(caller
                          .start_request("echo", "POST", "/a",
                                         Request{}.body(Body::generated([opened](std::span<char>) {
                                           opened.wait();
                                           return Result<std::size_t>(0u);
                                         })))
                          .future());
  auto down = std::async(std::launch::async, [&] { caller.shutdown(20s); });
  until_refused(caller);
  gate.set_value();

  for (auto& one : started) {
    const auto answer = one.get();
    EXPECT_TRUE(answer) << answer.error().message;
  }
  down.get();
}

TEST(Draining, ACallMayStillAskForItsToken) {
  std::atomic<int> granted{0};
  ScriptedServer login([&](const SeenRequest&) {
    return Script{.bytes = support::ok("{\"access_token\":\"tok-" + std::to_string(++granted) +
                                       "\",\"token_type\":\"Bearer\"}")};
  });
  std::promise<void> asked, go_on;
  ScriptedServer door([&](const SeenRequest& request) {
    if (request.head.find("Bearer tok-2") != std::string::npos) return by_path(request);
    if (request.target == "/a") {
      asked.set_value();
      go_on.get_future().wait();
    }
    return Script{.bytes = support::status(401)};
  });
  Caller caller = echo_caller(
      door.url(),
      "auth = {type = \"oauth2\", token_service = \"login\", token_path = \"/t\", client_id = "
      "\"app\", client_secret = \"s3cret\"}\n[services.login]\nplugin = \"static:echo\"\n"
      "base_url = \"" +
          login.url() + "\"\n");
  auto started = caller.start_request("echo", "GET", "/a").future();
  asked.get_future().wait();
  auto down = std::async(std::launch::async, [&] { caller.shutdown(20s); });
  until_refused(caller);
  go_on.set_value();

  const auto answer = started.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  down.get();
}

/// One call that is answered when it is told to, of a Caller that drains meanwhile.
class Drain : public ::testing::Test {
 protected:
  void begin(Duration drain) {
    down_ = std::async(std::launch::async, [this, drain] { caller_.shutdown(drain); });
    until_refused(caller_);
  }
  void expect_answer() {
    // What would cut the drain has had its time on the loop when this is through.
    EXPECT_EQ(call_.wait_for(50ms), std::future_status::timeout);
    answer_.set_value();
    const auto answer = call_.get();
    EXPECT_TRUE(answer) << answer.error().message;
    down_.get();
  }

  std::promise<void> asked_, answer_;
  ScriptedServer server_{[this](const SeenRequest& request) {
    asked_.set_value();
    answer_.get_future().wait();
    return by_path(request);
  }};
  Caller caller_ = echo_caller(server_.url());
  std::future<Result<Response>> call_ = [this] {
    auto call = caller_.start_request("echo", "GET", "/a").future();
    asked_.get_future().wait();
    return call;
  }();
  std::future<void> down_;
};

TEST_F(Drain, MayTakeAsLongAsItLikes) {
  begin(Duration::max());
  expect_answer();
}

TEST_F(Drain, IsNotCutByAnotherShutdown) {
  begin(20s);
  caller_.shutdown(0s);
  expect_answer();
}

}  // namespace
}  // namespace callerapi
