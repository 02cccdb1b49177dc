// P8: what a peer can make a call hold, read or wait for is bounded.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/socket.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <ostream>
#include <string>

#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;

constexpr std::size_t mib = 1u << 20;

// A sanitizer keeps freed memory and shadows the rest: there the process's size says nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool shadowed = true;
#else
constexpr bool shadowed = false;
#endif

/// The most memory this process has had since begin_peak(), in bytes. The kernel keeps it, so that
/// what was held and let go again counts.
std::size_t peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  return 0;
}
void begin_peak() {
  // Freed blocks go back to the kernel at once: what the allocator would keep is not held by a
  // call.
  ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << '5';
}

/// An answer that never ends: `first`, then `again` for ever.
struct Endless {
  const char* label;
  std::string first, again;
  Outcome outcome;
  std::size_t limit;  ///< What the call may have read of it.
};
void PrintTo(const Endless& endless, std::ostream* out) { *out << endless.label; }

std::vector<Endless> endless() {
  const std::string ok = "HTTP/1.1 200 OK\r\n", chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string x(1000, 'x');
  return {
      {"StatusLine", "HTTP/1.1 200 ", x, Outcome::response_too_large, 8u << 10},
      {"Field", ok + "X: ", x, Outcome::response_too_large, 64u << 10},
      {"Fields", ok, "X-" + x + ": y\r\n", Outcome::response_too_large, 64u << 10},
      {"ShortFields", ok, "a:b\r\n", Outcome::response_too_large, 64u << 10},
      {"InterimAnswers", "", "HTTP/1.1 103 Early\r\n\r\n", Outcome::protocol_error, 64u << 10},
      {"Body", ok + "\r\n", x, Outcome::response_too_large, 16 * mib},
      {"ChunkedBody", chunked, "3e8\r\n" + x + "\r\n", Outcome::response_too_large, 16 * mib},
      {"DeclaredBody", ok + "Content-Length: 1099511627776\r\n\r\n", x, Outcome::response_too_large,
       0},
      {"ChunkLine", chunked + "5;", x, Outcome::protocol_error, 256},
      {"ChunkExtensions", chunked, "1;" + std::string(200, 'e') + "\r\nx\r\n",
       Outcome::protocol_error, 16 * mib},
      {"Trailers", chunked + "0\r\n", "T: " + x + "\r\n", Outcome::response_too_large, 8u << 10},
  };
}

/// What lies in the kernel's buffers of both sides was sent, but never read.
std::size_t kernel_buffers() {
  std::size_t sum = 0;
  for (const char* name : {"/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/ipv4/tcp_wmem"}) {
    std::ifstream file(name);
    std::size_t least = 0, usual = 0, most = 8 * mib;
    file >> least >> usual >> most;
    sum += most;
  }
  return sum;
}

class Bounds : public ::testing::TestWithParam<Endless> {};

TEST_P(Bounds, AnAnswerThatNeverEndsIsCutShort) {
  const Endless& endless = GetParam();
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    std::atomic<std::size_t> sent{0};
    RawServer server([&](Peer& peer) {
      if (peer.read_until("\r\n\r\n").empty()) return;
      std::string many = endless.first;
      do {
        const ssize_t n = ::send(peer.fd(), many.data(), many.size(), MSG_NOSIGNAL);
        if (n < 0) return;
        sent += static_cast<std::size_t>(n);
        many.clear();
        while (many.size() < 16384) many += endless.again;
      } while (true);
    });
    Caller caller = caller_of(server.url(), "retry.max_attempts = 1\n");
    ASSERT_FALSE(caller.request("echo", "GET", "/").has_value()) << "warm-up";
    sent = 0;
    begin_peak();
    const std::size_t before = peak();

    const auto result = request(caller, driver, "GET", "/");

    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, endless.outcome) << result.error().message;
    EXPECT_LE(sent, endless.limit + kernel_buffers() + mib);
    if (!shadowed) {
      EXPECT_LE(peak(), before + 2 * endless.limit + 4 * mib);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(P8, Bounds, ::testing::ValuesIn(endless()),
                         [](const auto& one) { return std::string(one.param.label); });

}  // namespace
}  // namespace callerapi::promises
