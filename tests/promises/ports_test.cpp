// Local ports are used to the last, and missed in words that help. In a network of its own, whose
// range of local ports is four wide.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/futex.hpp"
#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;

constexpr int ports = 4;

/// Moves this thread, and those it starts, into a network with nothing but a loopback.
bool enter_own_network() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::string("lo").copy(loopback.ifr_name, 2);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ::ioctl(socket, SIOCSIFFLAGS, &loopback) == 0;
  ::close(socket);
  return up;
}

bool narrow_ports(int first) {
  std::ofstream file("/proc/sys/net/ipv4/ip_local_port_range");
  file << first << " " << first + ports - 1 << std::flush;
  return file.good();
}

/// A server that answers once it is let.
class Held {
 public:
  std::string url() const { return server_.url(); }
  int port() const { return server_.port(); }
  std::uint32_t seen() const { return seen_; }
  bool await_seen(std::uint32_t count) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    for (std::uint32_t now = seen_; now < count && std::chrono::steady_clock::now() < until;
         now = seen_)
      base::futex_wait_until(seen_, now, until);
    return seen_ == count;
  }
  void hold(bool holds) {
    holds_ = holds ? 1 : 0;
    base::futex_wake_all(holds_);
  }

 private:
  std::atomic<std::uint32_t> seen_{0}, holds_{1};
  support::RawServer server_{[this](support::Peer& peer) {
    while (!peer.read_until("\r\n\r\n").empty()) {
      ++seen_;
      base::futex_wake_all(seen_);
      while (holds_ == 1) base::futex_wait_until(holds_, 1, no_deadline);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  }};
};

void use_up_the_ports() {
  Held server;
  ASSERT_TRUE(narrow_ports(server.port() < 41'000 ? 50'000 : 40'000));
  Caller caller =
      caller_of(server.url(), "retry.max_attempts = 2\nretry.budget_ratio = \"100%\"\n");
  std::vector<Call<Response>> running;
  for (int i = 0; i < ports; ++i) running.push_back(caller.start_request("echo", "GET", "/"));
  ASSERT_TRUE(server.await_seen(ports)) << server.seen();

  for (int i = 0; i < 60; ++i) {
    const auto refused = request(caller, i % 2 == 0 ? Driver::blocking : Driver::loop, "POST", "/");
    ASSERT_FALSE(refused);
    ASSERT_EQ(refused.error().outcome, Outcome::resource_exhausted) << refused.error().message;
    ASSERT_EQ(refused.error().reason, "ports");
    ASSERT_EQ(refused.error().sent, Sent::no);
    ASSERT_LE(refused.error().attempts, 2) << "tried again as any attempt, and not in a loop";
    if (i == 0) {
      EXPECT_EQ(refused.error().attempts, 2) << "whatever the method: nothing was sent";
      EXPECT_NE(refused.error().message.find("no local port is left for a connection to it"),
                std::string::npos)
          << refused.error().message;
    }
  }
  EXPECT_EQ(caller.stats().breaker_rejected, 0u) << "the service has nothing to do with it";

  server.hold(false);
  for (auto& call : running) EXPECT_TRUE(call.get());
  EXPECT_TRUE(caller.request("echo", "GET", "/")) << "on a connection that was kept";
  EXPECT_EQ(caller.stats().connections_opened, static_cast<std::uint64_t>(ports));
}

TEST(Ports, WhenNoneIsLeftTheErrorSaysSoAndNothingIsHeldAgainstTheService) {
  bool own = false;
  std::thread inside([&] {
    own = enter_own_network();
    if (own) use_up_the_ports();
  });
  inside.join();
  if (!own) GTEST_SKIP() << "this process may not have a network of its own";
}

}  // namespace
}  // namespace callerapi::promises
