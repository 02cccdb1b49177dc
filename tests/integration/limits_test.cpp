#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/futex.hpp"
#include "callerapi/caller.hpp"
#include "callerapi/stream.hpp"
#include "support/raw_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;

/// A server that answers once it is let, and counts what reaches it.
class Held {
 public:
  Held() : server_([this](Peer& peer) { serve(peer); }) {}
  ~Held() { let(); }

  std::string url() const { return server_.url(); }
  int seen() const { return static_cast<int>(seen_.load()); }
  void await_seen(std::uint32_t count) {
    for (std::uint32_t now = seen_; now < count; now = seen_)
      base::futex_wait_until(seen_, now, std::chrono::steady_clock::now() + 1s);
  }
  void let() {
    let_ = 1;
    base::futex_wake_all(let_);
  }

 private:
  void serve(Peer& peer) {
    while (!peer.read_until("\r\n\r\n").empty()) {
      ++seen_;
      base::futex_wake_all(seen_);
      while (let_ == 0) base::futex_wait_until(let_, 0, no_deadline);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  }

  std::atomic<std::uint32_t> seen_{0}, let_{0};
  RawServer server_;
};

Caller open(const std::string& url, const std::string& keys) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.a]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\n" + keys,
                           options)
      .value();
}

/// Semantics S19, test 9: what is refused here says nothing about the service.
TEST(S19, N9_TenThousandCallsTooManyAreRefusedAndChangeNothing) {
  Held server;
  Caller caller = open(server.url(), "limits.inflight = 2\nretry.max_attempts = 5\n");
  std::vector<Call<Response>> held;
  for (int i = 0; i < 2; ++i) held.push_back(caller.start_request("a", "GET", "/held"));
  server.await_seen(2);

  std::string first;
  for (int i = 0; i < 10'000; ++i) {
    const auto refused = caller.request("a", "GET", "/more");
    ASSERT_FALSE(refused);
    ASSERT_EQ(refused.error().outcome, Outcome::bulkhead_full);
    ASSERT_EQ(refused.error().attempts, 0) << "never repeated";
    ASSERT_EQ(refused.error().sent, Sent::no);
    if (i == 0) first = refused.error().message;
  }
  EXPECT_NE(first.find("2 calls of this service are in flight, as many as limits.inflight allows"),
            std::string::npos)
      << first;
  EXPECT_TRUE(first.starts_with("a GET: bulkhead_full in queue after ")) << first;
  EXPECT_EQ(server.seen(), 2) << "nothing of them was sent";

  server.let();
  for (auto& call : held) EXPECT_TRUE(call.get());
  EXPECT_TRUE(caller.request("a", "GET", "/after")) << "the service is called as before";
}

TEST(LimitsOf, ACallThatEndsInAnyWayGivesItsPlaceBack) {
  Held server;
  Caller caller = open(server.url(), "limits.inflight = 1\n");
  for (int i = 0; i < 20; ++i) {
    auto call = caller.start_request("a", "GET", "/cancelled");
    call.cancel();
    EXPECT_EQ(call.get().error().outcome, Outcome::cancelled);
    const auto late = caller.request("a", "GET", "/late", Request{}.timeout(20ms));
    EXPECT_EQ(late.error().outcome, Outcome::deadline_exceeded);
  }
  server.let();
  EXPECT_TRUE(caller.request("a", "GET", "/"));
}

TEST(LimitsOf, AStreamThatWasReadToItsEndGivesItsPlaceBack) {
  Held server;
  server.let();
  Caller caller = open(server.url(), "limits.inflight = 1\n");
  {
    auto stream = caller.request_stream("a", "GET", "/");
    ASSERT_TRUE(stream);
    char piece[16];
    while (stream->read(piece).value_or(0) > 0) {
    }
  }
  EXPECT_TRUE(caller.request("a", "GET", "/"));
}

TEST(LimitsOf, ARateRefusesWhatIsAboveItAtOnceAndSaysWhenToComeBack) {
  Held server;
  server.let();
  Caller caller = open(server.url(), "limits.rate = 1\nlimits.burst = 3\n");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(caller.request("a", "GET", "/"));
  const auto refused = caller.request("a", "GET", "/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::rate_limited_local);
  EXPECT_NE(refused.error().message.find("limits.rate = 1 calls a second and limits.burst = 3"),
            std::string::npos)
      << refused.error().message;
  EXPECT_EQ(server.seen(), 3);
}

TEST(LimitsOf, OneServiceDoNotBindAnother) {
  Held server;
  Caller caller = open(server.url(),
                       "limits.inflight = 1\n[services.b]\nplugin = \"static:echo\"\n"
                       "base_url = \"" +
                           server.url() + "\"\n");
  auto held = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  auto other = caller.start_request("b", "GET", "/");
  server.await_seen(2);
  EXPECT_EQ(caller.request("a", "GET", "/").error().outcome, Outcome::bulkhead_full);
  server.let();
  EXPECT_TRUE(held.get());
  EXPECT_TRUE(other.get());
}

/// The value of a sample of that text.
std::string sample(const Caller& caller, const std::string& begins) {
  const std::string text = caller.metrics_text();
  const auto at = text.find("\n" + begins + " ");
  if (at == std::string::npos) return "none";
  const auto from = at + begins.size() + 2;
  return text.substr(from, text.find('\n', from) - from);
}

void await_waiting(const Caller& caller, const std::string& count) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (sample(caller, "callerapi_queue_waiting{service=\"a\"}") != count &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  ASSERT_EQ(sample(caller, "callerapi_queue_waiting{service=\"a\"}"), count);
}

TEST(QueueOf, ABlockingCallAndOneOnTheLoopWaitForTheirTurnAndTellHowLong) {
  Held server;
  Caller caller =
      open(server.url(), "limits.inflight = 1\nlimits.queue = 8\ntimeouts.acquire = \"20s\"\n");
  auto first = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  auto looped = caller.start_request("a", "GET", "/", Request{}.explain());
  await_waiting(caller, "1");
  Result<Response> blocking = Error{};
  std::thread thread([&] { blocking = caller.request("a", "GET", "/", Request{}.explain()); });
  await_waiting(caller, "2");
  EXPECT_EQ(server.seen(), 1) << "who waits has sent nothing";
  server.let();
  EXPECT_TRUE(first.get());
  const auto second = looped.get();
  thread.join();
  for (const auto* one : {&second, &std::as_const(blocking)}) {
    ASSERT_TRUE(*one) << one->error().message;
    ASSERT_TRUE((*one)->record);
    const AdmissionRecord& admission = (*one)->record->admission;
    EXPECT_EQ(admission.decision, "waited");
    EXPECT_EQ(admission.in_flight, 1);
    EXPECT_EQ(admission.in_flight_max, 1);
    EXPECT_EQ(admission.waiting_max, 8);
    EXPECT_GT(admission.waited, 0ns);
    EXPECT_GT((*one)->time.queue, 0ns) << "the wait is in the time of the call";
    EXPECT_LE((*one)->time.queue, admission.waited + 1s);
  }
  EXPECT_EQ(second->record->admission.waiting, 0);
  EXPECT_EQ(blocking->record->admission.waiting, 1) << "it came behind the other";
  EXPECT_EQ(sample(caller, "callerapi_queue_duration_seconds_count{service=\"a\"}"), "2");
  EXPECT_EQ(sample(caller, "callerapi_limit{service=\"a\"}"), "1");
}

TEST(QueueOf, OneMoreThanItHoldsIsRefusedAtOnceAndCounted) {
  Held server;
  Caller caller =
      open(server.url(), "limits.inflight = 1\nlimits.queue = 1\ntimeouts.acquire = \"20s\"\n");
  auto first = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  auto second = caller.start_request("a", "GET", "/");
  await_waiting(caller, "1");
  const auto refused = caller.request("a", "GET", "/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::bulkhead_full);
  EXPECT_EQ(refused.error().reason, "queue_full");
  EXPECT_EQ(refused.error().sent, Sent::no);
  ASSERT_TRUE(refused.error().record);
  const AdmissionRecord& admission = refused.error().record->admission;
  EXPECT_EQ(admission.decision, "refused");
  EXPECT_EQ(admission.waiting, 1);
  EXPECT_EQ(admission.waiting_max, 1);
  EXPECT_EQ(sample(caller, "callerapi_limit_refused_total{service=\"a\",reason=\"queue_full\"}"),
            "1");
  server.let();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST(QueueOf, AWaitEndsWithTheTimeForItOrWithTheDeadlineOfTheCall) {
  Held server;
  Caller caller =
      open(server.url(), "limits.inflight = 1\nlimits.queue = 8\ntimeouts.acquire = \"30ms\"\n");
  auto first = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  const auto waited = caller.request("a", "GET", "/");
  EXPECT_EQ(waited.error().outcome, Outcome::bulkhead_full);
  EXPECT_EQ(waited.error().reason, "queue_wait");
  EXPECT_EQ(caller.start_request("a", "GET", "/").get().error().reason, "queue_wait");
  const auto late = caller.request("a", "GET", "/", Request{}.timeout(10ms));
  EXPECT_EQ(late.error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(late.error().phase, Phase::queue);
  EXPECT_NE(late.error().message.find("the deadline passed while waiting for its turn within "
                                      "limits.inflight and limits.rate"),
            std::string::npos)
      << late.error().message;
  await_waiting(caller, "0");
  server.let();
  EXPECT_TRUE(first.get());
}

TEST(QueueOf, ACallThatIsCancelledInItFreesItsPlace) {
  Held server;
  Caller caller =
      open(server.url(), "limits.inflight = 1\nlimits.queue = 1\ntimeouts.acquire = \"20s\"\n");
  auto first = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  auto cancelled = caller.start_request("a", "GET", "/");
  await_waiting(caller, "1");
  cancelled.cancel();
  EXPECT_EQ(cancelled.get().error().outcome, Outcome::cancelled);
  auto next = caller.start_request("a", "GET", "/");
  await_waiting(caller, "1");
  server.let();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(next.get());
  EXPECT_EQ(server.seen(), 2);
}

TEST(QueueOf, ShutdownEndsThoseWhoWaitOnTheLoopAndOnTheirThreads) {
  Held server;
  Caller caller =
      open(server.url(), "limits.inflight = 1\nlimits.queue = 8\ntimeouts.acquire = \"20s\"\n");
  auto first = caller.start_request("a", "GET", "/");
  server.await_seen(1);
  auto looped = caller.start_request("a", "GET", "/");
  Result<Response> blocking = Error{};
  std::thread thread([&] { blocking = caller.request("a", "GET", "/"); });
  await_waiting(caller, "2");
  caller.shutdown(0s);
  thread.join();
  EXPECT_EQ(first.get().error().outcome, Outcome::shutdown);
  EXPECT_EQ(looped.get().error().outcome, Outcome::shutdown);
  ASSERT_FALSE(blocking);
  EXPECT_EQ(blocking.error().outcome, Outcome::shutdown);
  EXPECT_EQ(blocking.error().sent, Sent::no);
  EXPECT_EQ(server.seen(), 1) << "no place that a call left was taken";
}

TEST(QueueOf, ShutdownWaitsForNobodysTurnWithinTheRate) {
  Held server;
  server.let();
  Caller caller = open(server.url(),
                       "limits.rate = 1\nlimits.burst = 1\nlimits.queue = 8\n"
                       "timeouts.acquire = \"20s\"\n");
  EXPECT_TRUE(caller.request("a", "GET", "/"));
  std::vector<std::thread> threads;
  std::atomic<int> closed{0};
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      const auto answer = caller.request("a", "GET", "/");
      if (!answer && answer.error().outcome == Outcome::shutdown) ++closed;
    });
  await_waiting(caller, "6");
  caller.shutdown(0s);
  EXPECT_EQ(sample(caller, "callerapi_queue_waiting{service=\"a\"}"), "0");
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(closed, 6);
}

TEST(QueueOf, ManyThreadsAndManyCallsOnTheLoopAllHaveTheirTurnAndTheCapHolds) {
  std::atomic<int> now{0}, most{0};
  RawServer server([&](Peer& peer) {
    while (!peer.read_until("\r\n\r\n").empty()) {
      const int here = ++now;
      for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
      }
      std::this_thread::yield();
      --now;
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  Caller caller =
      open(server.url(), "limits.inflight = 3\nlimits.queue = 1000\ntimeouts.acquire = \"20s\"\n");
  std::vector<Call<Response>> looped;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += caller.request("a", "GET", "/") ? 1 : 0;
    });
  for (int i = 0; i < 300; ++i) looped.push_back(caller.start_request("a", "GET", "/"));
  for (auto& call : looped) good += call.get() ? 1 : 0;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 600);
  EXPECT_LE(most, 3);
}

TEST(ConnectionsOf, AServiceAtThreePlacesAreAsManyAsItMayHaveAndEveryPlaceIsCalled) {
  std::vector<std::unique_ptr<RawServer>> servers;
  std::vector<std::atomic<int>> asked(3);
  for (std::size_t i = 0; i < 3; ++i)
    servers.push_back(std::make_unique<RawServer>([&, i](Peer& peer) {
      while (!peer.read_until("\r\n\r\n").empty()) {
        ++asked[i];
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    }));
  std::string places;
  for (const auto& server : servers)
    places += (places.empty() ? "\"" : ", \"") + server->url() + "\"";
  Caller caller =
      open(servers[0]->url(), "instances = [" + places +
                                  "]\nbalance.policy = \"round_robin\"\n"
                                  "pool.service_connections_max = 4\ntimeouts.acquire = \"20s\"\n");
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(caller.start_request("a", "GET", "/"));
  for (auto& call : calls) {
    const auto answer = call.get();
    EXPECT_TRUE(answer) << answer.error().message;
    EXPECT_LE(caller.stats().connections_open, 4u);
  }
  for (const auto& count : asked) EXPECT_GT(count, 20);
}

}  // namespace
}  // namespace callerapi
