// P6: a cancelled call ends promptly and once, whatever it was doing, and leaves nothing behind.
#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;
using Clock = std::chrono::steady_clock;

std::size_t entries(const char* folder) {
  std::size_t count = 0;
  DIR* dir = ::opendir(folder);
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

bool await(const std::function<bool()>& true_at_last) {
  const auto until = Clock::now() + 20s;
  while (!true_at_last()) {
    if (Clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A sink that says how much has come.
class Counting final : public BodySink {
 public:
  explicit Counting(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) {}
  bool write(std::span<const char> bytes) override {
    *count_ += static_cast<int>(bytes.size());
    return true;
  }

 private:
  const std::shared_ptr<std::atomic<int>> count_;
};

/// Where a call is when it is cancelled: the server goes so far and then waits.
struct Point {
  const char* label;
  std::function<void(Peer&)> serve;
  std::size_t body;  ///< Bytes of the request; 0: a GET.
  std::string registry;
};
void PrintTo(const Point& point, std::ostream* out) { *out << point.label; }

std::vector<Point> points() {
  const auto sends = [](std::string bytes) {
    return [bytes = std::move(bytes)](Peer& p) {
      if (p.read_until("\r\n\r\n").empty()) return;
      p.send(bytes);
      p.read_to_end();
    };
  };
  return {
      {"Unread", [](Peer& p) { p.readable(), p.read_exactly(1u << 30); }, 0, ""},
      {"WritingABody",
       [](Peer& p) {
         p.read_exactly(100);
         // What else has come stays unread, and we stay until the other side has closed.
         pollfd gone{p.fd(), POLLRDHUP, 0};
         ::poll(&gone, 1, 20'000);
       },
       std::size_t{32} << 20, ""},
      {"AwaitingTheHead", sends(""), 0, ""},
      {"InTheStatusLine", sends("HTTP/1."), 0, ""},
      {"InAnInterimAnswer", sends("HTTP/1.1 103 Early\r\n\r\n"), 0, ""},
      {"InTheFields", sends("HTTP/1.1 200 OK\r\nX: "), 0, ""},
      {"InABody", sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 0, ""},
      {"InAChunkLine", sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5"), 0, ""},
      {"InAChunk", sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), 0, ""},
      {"InTheTrailers", sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: "), 0,
       ""},
      {"InABodyWithoutLength", sends("HTTP/1.1 200 OK\r\n\r\nabc"), 0, ""},
      // The connection is kept while the call backs off: the canary comes on it.
      {"BackingOff",
       [](Peer& p) {
         p.read_until("\r\n\r\n");
         p.send("HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n");
         p.read_until("\r\n\r\n");
         p.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
       },
       0, ""},
  };
}

class Cancel : public ::testing::TestWithParam<Point> {};

TEST_P(Cancel, EndsItOnceAndTheNextCallIsClean) {
  const Point& point = GetParam();
  std::atomic<int> begun{0};
  RawServer server([&](Peer& peer) {
    if (!peer.readable()) return;
    if (begun++ > 0) {
      // The canary.
      peer.read_until("\r\n\r\n");
      return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
    }
    point.serve(peer);
  });
  Caller caller = caller_of(server.url(), point.registry);
  std::atomic<int> ended{0};
  std::atomic<Outcome> outcome{Outcome::ok};
  Request asked;
  if (point.body > 0) asked = Request{}.body(Body::text(std::string(point.body, 'x')));

  auto call = caller.start_request("echo", point.body == 0 ? "GET" : "PUT", "/", std::move(asked));
  const auto cancel = call.canceller();
  call.then([&](Result<Response> result) {
    outcome = result ? Outcome::ok : result.error().outcome;
    ++ended;
  });
  ASSERT_TRUE(await([&] { return begun > 0 && caller.stats().attempts > 0; }));
  cancel();

  ASSERT_TRUE(await([&] { return ended > 0; }));
  EXPECT_EQ(outcome, Outcome::cancelled);
  EXPECT_EQ(caller.request("echo", "GET", "/canary").value().body, "clean");
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(await([&] { return caller.stats().calls_in_flight == 0; }));
}

INSTANTIATE_TEST_SUITE_P(P6, Cancel, ::testing::ValuesIn(points()),
                         [](const auto& one) { return std::string(one.param.label); });

/// A body whose source may block is sent by a thread that waits for the peer itself.
TEST(P6Cancel, OfACallThatAThreadDrivesTellsHowFarItsRequestHadCome) {
  for (const bool answering : {false, true}) {
    std::atomic<bool> there{false};
    RawServer server([&](Peer& peer) {
      if (peer.read_until("\r\n0\r\n\r\n").empty()) return;
      if (answering) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      there = true;
      peer.read_to_end();
    });
    Caller caller = caller_of(server.url());
    const auto received = std::make_shared<std::atomic<int>>(0);
    auto source = [left = 1](std::span<char> into) mutable -> Result<std::size_t> {
      if (left-- == 0) return 0u;
      into[0] = 'x';
      return 1u;
    };
    auto call = caller.start_request(
        "echo", "POST", "/",
        Request{}.body(Body::generated(source)).into(std::make_shared<Counting>(received)));
    ASSERT_TRUE(await([&] { return answering ? *received == 3 : there.load(); }));
    call.cancel();
    const auto result = std::move(call).get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::cancelled) << result.error().message;
    EXPECT_EQ(result.error().sent, answering ? Sent::yes : Sent::maybe) << result.error().message;
    EXPECT_EQ(result.error().phase, answering ? Phase::body : Phase::wait);
  }
}

/// Cancels at a thousand random moments; the seed is printed.
TEST(P6Cancel, AtAnyMomentEndsEachCallOnceAndGivesEverythingBack) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  RawServer server([](Peer& peer) {
    while (!peer.read_until("\r\n\r\n").empty())
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  const std::size_t fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
  {
    Caller caller = caller_of(server.url());
    constexpr int calls = 1000;
    std::atomic<int> ended{0}, wrong{0};
    for (int i = 0; i < calls; ++i) {
      auto call = caller.start_request("echo", "GET", "/" + std::to_string(i));
      const auto cancel = call.canceller();
      call.then([&](Result<Response> result) {
        const bool sound =
            result ? result->body == "hello" : result.error().outcome == Outcome::cancelled;
        wrong += sound ? 0 : 1;
        ++ended;
      });
      const auto at = Clock::now() + std::chrono::microseconds(random() % 400);
      while (Clock::now() < at) continue;
      cancel();
    }
    EXPECT_TRUE(await([&] { return ended == calls; })) << ended;
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(caller.request("echo", "GET", "/canary").value().body, "hello");
    EXPECT_EQ(ended, calls);
  }
  // The server's side of each connection goes when it sees the end.
  EXPECT_TRUE(await([&] { return entries("/proc/self/fd") <= fds; })) << entries("/proc/self/fd");
  EXPECT_TRUE(await([&] { return entries("/proc/self/task") <= threads; }));
}

}  // namespace
}  // namespace callerapi::promises
