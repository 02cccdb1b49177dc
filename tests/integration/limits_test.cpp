#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
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

}  // namespace
}  // namespace callerapi
