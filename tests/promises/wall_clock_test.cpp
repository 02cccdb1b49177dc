// The wall clock may jump by ten years and back, and no call is later, earlier or lost for it. This
// program answers for the wall clock itself, to all libraries in it.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "promises/support.hpp"

namespace {

std::atomic<std::int64_t> ahead_s{0};  ///< Of the real time.
std::atomic<std::uint64_t> asked{0};   ///< For the wall clock.

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long failed = ::syscall(SYS_clock_gettime, clock, time);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    ++asked;
    time->tv_sec += ahead_s;
  }
  return static_cast<int>(failed);
}

__attribute__((visibility("default"))) time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *into = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

}  // extern "C"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t ten_years = 10 * 365 * 86'400LL;

/// The wall clock jumps to and fro by ten years for as long as this lives.
class Jumping {
 public:
  Jumping()
      : thread_([this] {
          for (std::int64_t by = ten_years; !ends_; by = -by) {
            ahead_s = by;
            ++jumps;
            std::this_thread::yield();
          }
        }) {}
  ~Jumping() {
    ends_ = true;
    thread_.join();
    ahead_s = 0;
  }
  Jumping(const Jumping&) = delete;
  Jumping& operator=(const Jumping&) = delete;

  std::atomic<int> jumps{0};

 private:
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

/// Answers 200, to /once 503 first, to /never nothing.
class Server {
 public:
  std::string url() const { return server_.url(); }

 private:
  std::atomic<int> refused_{0};
  support::RawServer server_{[this](support::Peer& peer) {
    for (std::string head = peer.read_until("\r\n\r\n"); !head.empty();
         head = peer.read_until("\r\n\r\n")) {
      if (head.find("/never") != std::string::npos) return peer.read_to_end();
      const bool refuses = head.find("/once") != std::string::npos && refused_++ == 0;
      peer.send(refuses ? "HTTP/1.1 503 Later\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"
                        : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  }};
};

TEST(WallClock, IsTheOneThatThisProgramMoves) {
  const auto before = std::chrono::system_clock::now();
  ahead_s = ten_years;
  EXPECT_GT(std::chrono::system_clock::now() - before, 9 * 365 * 24h);
  EXPECT_GT(::time(nullptr) - std::chrono::system_clock::to_time_t(before), ten_years - 60);
  ahead_s = 0;
}

TEST(WallClock, JumpsOfTenYearsEndNoCallAndNoConnection) {
  Server server;
  Caller caller = caller_of(server.url(), "pool.age = \"1h\"\npool.idle = \"1h\"\n");
  ASSERT_TRUE(caller.request("echo", "GET", "/"));
  const std::uint64_t opened = caller.stats().connections_opened;
  const std::uint64_t asked_before = asked;
  const Jumping jumping;
  for (int i = 0; i < 500 || jumping.jumps <= 10; ++i) {
    const auto answer = request(caller, i % 2 == 0 ? Driver::blocking : Driver::loop, "GET", "/");
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->attempts, 1);
    ASSERT_GE(answer->time.total(), 0ns);
    ASSERT_LT(answer->time.total(), 1h) << "no part of it was measured on the wall";
  }
  EXPECT_EQ(caller.stats().connections_opened, opened) << "neither too old nor idle for too long";
  EXPECT_GT(asked, asked_before) << "identifiers are of the wall clock: the jumps were seen";
}

TEST(WallClock, JumpsOfTenYearsMoveNoDeadlineAndNoPause) {
  Server server;
  Caller caller = caller_of(server.url(), "retry.max_attempts = 3\n");
  const Jumping jumping;
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto began = std::chrono::steady_clock::now();
    const auto late = request(caller, driver, "GET", "/never", Request{}.timeout(150ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().outcome, Outcome::deadline_exceeded) << late.error().message;
    EXPECT_GE(std::chrono::steady_clock::now() - began, 150ms) << "not before its time";
  }
  const auto again = caller.request("echo", "GET", "/once");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->status, 200) << "Retry-After: 0 is now, whatever the year";
  EXPECT_EQ(again->attempts, 2);
}

}  // namespace
}  // namespace callerapi::promises
