// Blocking calls on a connection that is kept, which wait for the answer in the read itself: what
// ends a wait ends this one too.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include <pthread.h>
#include <signal.h>

#include "support/echo_caller.hpp"
#include "support/raw_server.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;

constexpr std::string_view whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Pass the time without asking for it: a server that thinks, or sends a byte now and then.
void think(std::chrono::milliseconds time) {
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < time) std::this_thread::yield();
}

/// Says when the body has begun to come.
class Told final : public BodySink {
 public:
  explicit Told(std::atomic<bool>& began) : began_(began) {}
  bool write(std::span<const char>) override { return began_ = true; }

 private:
  std::atomic<bool>& began_;
};

Request get() { return Request{}.path("id", "1"); }

/// A server that answers the first request of each connection, and a Caller that has made it.
class Patience : public ::testing::Test {
 protected:
  using Second = std::function<void(Peer&)>;
  explicit Patience()
      : server_([this](Peer& peer) {
          if (peer.read_until("\r\n\r\n").empty()) return;
          peer.send(whole);
          if (peer.read_until("\r\n\r\n").empty()) return;
          second_(peer);
          peer.read_to_end();
        }) {}

  Caller warm(Second second, const std::string& settings = "retry.max_attempts = 1\n") {
    second_ = std::move(second);
    Caller caller = support::echo_caller(server_.url(), settings);
    const auto first = caller.call("echo", "get", get());
    EXPECT_TRUE(first) << first.error().message;
    return caller;
  }

  Second second_;
  RawServer server_;
};

TEST_F(Patience, EndsAtTheDeadlineThoughNothingComes) {
  Caller caller = warm([](Peer&) {});

  const auto silent = caller.call("echo", "get", get().timeout(800ms));

  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(silent.error().phase, Phase::wait);
  EXPECT_EQ(silent.error().time.connect, 0ns) << "the connection was a kept one";
}

TEST_F(Patience, EndsAtTheDeadlineThoughBytesNeverCease) {
  Caller caller = warm([](Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (::send(peer.fd(), "x", 1, MSG_NOSIGNAL) == 1) think(1ms);
  });

  const auto slow = caller.call("echo", "get", get().timeout(800ms));

  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(slow.error().phase, Phase::body);
}

TEST_F(Patience, SaysHowLongTheServiceThought) {
  std::atomic<bool> began{false};
  Caller caller = warm([&](Peer& peer) {
    think(5ms);
    peer.send(whole.substr(0, whole.size() - 1));
    while (!began) std::this_thread::yield();
    think(5ms);
    peer.send(whole.substr(whole.size() - 1));
  });

  const auto answer = caller.call("echo", "get", get().into(std::make_shared<Told>(began)));

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_GE(answer->time.write + answer->time.wait, 5ms);
  EXPECT_GE(answer->time.read, 5ms);
  EXPECT_EQ(answer->time.total(), answer->elapsed);
}

TEST_F(Patience, EndsWhenTheCallerIsShutDown) {
  std::atomic<bool> asked{false};
  Caller caller = warm([&](Peer&) { asked = true; });
  Result<Response> answer = Error{};
  std::thread calling([&] { answer = caller.call("echo", "get", get().timeout(1h)); });
  while (!asked) std::this_thread::yield();

  caller.shutdown(0ms);
  calling.join();

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().outcome, Outcome::shutdown) << answer.error().message;
  EXPECT_EQ(answer.error().sent, Sent::maybe);
}

TEST_F(Patience, DoesNotTakeAShutdownForTheEndOfABodyWithoutLength) {
  std::atomic<bool> began{false};
  Caller caller = warm([](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\n\r\nhalf"); });
  Result<Response> answer = Error{};
  std::thread calling([&] {
    answer = caller.call("echo", "get", get().timeout(1h).into(std::make_shared<Told>(began)));
  });
  while (!began) std::this_thread::yield();
  think(5ms);  // for the read that follows the first

  caller.shutdown(0ms);
  calling.join();

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().outcome, Outcome::shutdown) << answer.error().message;
}

TEST_F(Patience, OutlivesASignal) {
  struct sigaction quiet {};
  struct sigaction before {};
  quiet.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR2, &quiet, &before), 0);
  const pthread_t self = ::pthread_self();
  Caller caller = warm([self](Peer& peer) {
    for (int i = 0; i < 20; ++i) {
      ::pthread_kill(self, SIGUSR2);
      think(1ms);
    }
    peer.send(whole);
  });

  const auto answer = caller.call("echo", "get", get());
  ::sigaction(SIGUSR2, &before, nullptr);

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
}

TEST_F(Patience, IsOverWithTheCallThatHadIt) {
  Caller caller = warm([](Peer& peer) {
    peer.send(whole);
    if (peer.read_until("\r\n\r\n").empty()) return;
    peer.send(whole.substr(0, 20));
    peer.send(whole.substr(20));
  });
  ASSERT_TRUE(caller.call("echo", "get", get()));

  // On the loop, over the connection that a blocking call has prepared.
  const auto answer = caller.start("echo", "get", get()).get();

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(caller.stats().connections_opened, 1u);
}

}  // namespace
}  // namespace callerapi
