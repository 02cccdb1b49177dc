// The time ledger of a call: where its time went, told by every driver.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "callerapi/caller.hpp"
#include "callerapi/plugin.hpp"
#include "support/push_server.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace slow {

using namespace callerapi::dsl;

/// Takes five milliseconds to sign.
struct Signer {
  static constexpr std::string_view id = "slow", version = "1.0.0", owner = "team-slow";
  using api = endpoints<get<"get", "/slow/{id}", bytes, path<"id">>>;
  void sign(callerapi::SignRequest&) {
    const auto began = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(5)) continue;
  }
};

}  // namespace slow

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::PushServer;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;
using Steady = std::chrono::steady_clock;

Caller caller_of(const std::string& url, const std::string& more = "") {
  Options options;
  options.static_plugins = {support::echo_plugin(), &static_plugin<slow::Signer>};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\n" + more,
                           std::move(options))
      .value();
}

Request get() { return Request{}.path("id", "1"); }

using Ask = Result<Response> (*)(Caller&, Request);
Result<Response> ask_here(Caller& caller, Request request) {
  return caller.call("echo", "get", std::move(request));
}
Result<Response> ask_on_loop(Caller& caller, Request request) {
  return caller.start("echo", "get", std::move(request)).get();
}

/// Every way to drive a call keeps the ledger by itself.
class TimeLedgerOf : public ::testing::TestWithParam<Ask> {};
std::string driver_name(const ::testing::TestParamInfo<Ask>& driver) {
  return driver.param == ask_here ? "ThisThread" : "TheLoop";
}
INSTANTIATE_TEST_SUITE_P(, TimeLedgerOf, ::testing::Values(ask_here, ask_on_loop), driver_name);

TEST_P(TimeLedgerOf, PartsAddUpToTheTimeOfTheCallOverAllAttempts) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = ++count == 1 ? support::status(503) : support::ok("hello")};
  });
  Caller caller = caller_of(server.url());

  const auto first = GetParam()(caller, get());
  const auto second = GetParam()(caller, get());

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->attempts, 2);
  EXPECT_EQ(first->time.total(), first->elapsed);
  EXPECT_GT(first->time.connect, 0ns);
  EXPECT_EQ(first->time.tls, 0ns);
  EXPECT_GT(first->time.retry, 0ns) << "the pause before the second attempt";
  // An answer that is there as soon as the request is written leaves no wait.
  EXPECT_GT(first->time.read, 0ns);
  EXPECT_EQ(second->time.total(), second->elapsed);
  EXPECT_EQ(second->time.connect, 0ns) << "a kept connection was there already";
  EXPECT_EQ(second->time.retry, 0ns);
}

TEST_P(TimeLedgerOf, WaitingForTheAnswerAndReadingItAreToldApart) {
  class Sink final : public BodySink {
   public:
    explicit Sink(std::promise<void>& began) : began_(began) {}
    bool write(std::span<const char>) override {
      if (!std::exchange(told_, true)) began_.set_value();
      return true;
    }

   private:
    std::promise<void>& began_;
    bool told_ = false;
  };
  PushServer server;
  Caller caller = caller_of(server.url());
  std::promise<void> reading;
  auto call = std::async(std::launch::async, [&] {
    return GetParam()(caller, get().into(std::make_shared<Sink>(reading)));
  });

  server.accept_request();
  const auto asked = Steady::now();
  while (Steady::now() - asked < 5ms) continue;
  const auto answered = Steady::now();
  server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
  reading.get_future().wait();
  const auto half = Steady::now();
  while (Steady::now() - half < 5ms) continue;
  const auto last = Steady::now();
  server.send("b");
  const auto response = call.get();

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_GE(response->time.write + response->time.wait, answered - asked);
  EXPECT_GE(response->time.read, last - half);
  EXPECT_GT(response->time.wait, 0ns);
  EXPECT_EQ(response->time.total(), response->elapsed);
}

TEST_P(TimeLedgerOf, ACallThatFailsSaysWhereItsTimeWent) {
  ScriptedServer server([](const SeenRequest&) { return Script{}; });
  Caller caller = caller_of(server.url());

  const auto silent = GetParam()(caller, get().timeout(50ms));

  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().outcome, Outcome::deadline_exceeded);
  const TimeLedger& time = silent.error().time;
  EXPECT_GE(time.total(), 50ms);
  EXPECT_GT(time.wait, 0ns);
  EXPECT_EQ(time.read, 0ns);
  const auto told = std::chrono::duration_cast<std::chrono::milliseconds>(time.total()).count();
  EXPECT_NE(silent.error().message.find(" after " + std::to_string(told) + " ms "),
            std::string::npos)
      << silent.error().message;
}

TEST_P(TimeLedgerOf, AHookThatTakesItsTimeIsLocal) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  const auto signed_call = [&](Caller& caller) {
    auto answer = GetParam() == ask_here ? caller.call("slow", "get", get())
                                         : caller.start("slow", "get", get()).get();
    EXPECT_TRUE(answer) << answer.error().message;
    return answer->time;
  };
  Caller caller =
      caller_of(server.url(),
                "[services.slow]\nplugin = \"static:slow\"\nbase_url = \"" + server.url() + "\"\n");

  const TimeLedger first = signed_call(caller), second = signed_call(caller);

  EXPECT_GE(first.local, 5ms) << "with a connection to open";
  EXPECT_GE(second.local, 5ms) << "with one that is there";
}

TEST_P(TimeLedgerOf, AFailedOpeningCountsWhereItFailed) {
  int port = 0;
  {
    ScriptedServer gone([](const SeenRequest&) { return Script{}; });
    port = gone.port();
  }
  Caller caller = caller_of("http://127.0.0.1:" + std::to_string(port));

  const auto refused = GetParam()(caller, get().max_attempts(1));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::connect_error);
  EXPECT_GT(refused.error().time.connect, 0ns);
  EXPECT_EQ(refused.error().time.queue, 0ns);
}

TEST_P(TimeLedgerOf, AFullPoolIsQueue) {
  ScriptedServer server([](const SeenRequest&) { return Script{}; });
  Caller caller = caller_of(server.url(),
                            "[services.echo.pool]\nconnections_max = 1\n"
                            "[services.echo.timeouts]\nacquire = \"30ms\"\nconnect = \"5ms\"\n"
                            "dns = \"5ms\"\n");
  auto holder = caller.start("echo", "get", get());
  while (server.requests().empty()) std::this_thread::yield();

  const auto waits = GetParam()(caller, get());
  holder.cancel();

  ASSERT_FALSE(waits);
  EXPECT_EQ(waits.error().outcome, Outcome::pool_timeout);
  EXPECT_GE(waits.error().time.queue, 30ms);
  EXPECT_EQ(waits.error().time.connect, 0ns);
}

}  // namespace
}  // namespace callerapi
