// P5: one deadline bounds the call, whatever the peer does and whatever the call waits for.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "promises/support.hpp"
#include "support/black_hole.hpp"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;
using Clock = std::chrono::steady_clock;

constexpr auto deadline = 200ms;
// Far beyond any scheduling delay, far below what the peers below would go on for.
constexpr auto endless = 20s;

/// Sends `piece` again and again, slowly, until the peer has gone.
void drip(Peer& peer, std::string_view piece) {
  for (int i = 0; i < 60'000; ++i) {
    const ssize_t sent = ::send(peer.fd(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (sent < 0) return;
    ::usleep(2000);
  }
}

struct Peril {
  const char* label;
  std::function<void(Peer&)> serve;
  std::string registry;
  std::size_t body = 0;  ///< Bytes of the request; 0: a GET.
};
void PrintTo(const Peril& peril, std::ostream* out) { *out << peril.label; }

std::vector<Peril> perils() {
  const auto after_head = [](std::function<void(Peer&)> act) {
    return [act = std::move(act)](Peer& peer) {
      if (!peer.read_until("\r\n\r\n").empty()) act(peer);
    };
  };
  const auto busy = [](const std::string& fields) {
    return [fields](Peer& peer) {
      while (!peer.read_until("\r\n\r\n").empty())
        peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n" + fields + "\r\n");
    };
  };
  return {
      {"Silence", after_head([](Peer& p) { p.read_to_end(); }), "", 0},
      {"ByteDrip", after_head([](Peer& p) {
         p.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
         drip(p, "x");
       }),
       "", 0},
      {"HeadDrip", after_head([](Peer& p) {
         p.send("HTTP/1.1 200 OK\r\nX-Long: ");
         drip(p, "x");
       }),
       "", 0},
      {"InterimDrip", after_head([](Peer& p) { drip(p, "HTTP/1.1 102 Processing\r\n\r\n"); }), "",
       0},
      {"ChunkDrip", after_head([](Peer& p) {
         p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
         drip(p, "1\r\nx\r\n");
       }),
       "", 0},
      {"WriteStall", [](Peer& p) { p.read_exactly(1000), p.readable(), drip(p, ""); }, "",
       std::size_t{64} << 20},
      {"BackOff", busy(""), "retry.base = \"60s\"\nretry.cap = \"60s\"\n", 0},
      {"RetryAfter", busy("Retry-After: 3600\r\n"), "retry.max_retry_after = \"2h\"\n", 0},
  };
}

class Deadline : public ::testing::TestWithParam<Peril> {};

TEST_P(Deadline, EndsTheCall) {
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    RawServer server(GetParam().serve);
    Caller caller = caller_of(server.url(), GetParam().registry);
    Request asked = Request{}.timeout(deadline);
    if (GetParam().body > 0)
      asked = std::move(asked).body(Body::text(std::string(GetParam().body, 'x')));

    const auto begun = Clock::now();
    const auto result =
        request(caller, driver, GetParam().body == 0 ? "GET" : "PUT", "/", std::move(asked));
    const auto took = Clock::now() - begun;

    EXPECT_LT(took, endless);
    if (result) {
      // A back-off that cannot fit is not begun: the answer in hand is given out at once.
      EXPECT_EQ(result->status, 503);
      continue;
    }
    // Interim answers have a bound of their own, which this peer meets before the deadline.
    if (result.error().reason == "interim") continue;
    EXPECT_EQ(result.error().condition(), Condition::timeout) << result.error().message;
    EXPECT_GE(took, deadline) << "it gave up early";
  }
}

INSTANTIATE_TEST_SUITE_P(P5, Deadline, ::testing::ValuesIn(perils()),
                         [](const auto& one) { return std::string(one.param.label); });

/// The time between two bytes counts from the first byte on, however far away the other times are.
TEST(P5Deadline, AStallInsideAnAnswerEndsAfterReadIdle) {
  RawServer server([](Peer& peer) {
    if (peer.read_until("\r\n\r\n").empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    peer.read_to_end();
  });
  Caller caller = caller_of(server.url(), "timeouts.read_idle = \"100ms\"\n");

  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto result = request(caller, driver, "POST", "/", Request{}.body(Body::text("x")));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, "read_idle") << result.error().message;
  }
}

TEST(P5Deadline, BoundsTheWaitForAConnectionThatOthersHold) {
  RawServer server([](Peer& peer) { peer.read_to_end(); });
  Caller caller = caller_of(server.url(), "pool.connections_max = 1\ntimeouts.acquire = \"0s\"\n");
  auto holding = caller.start_request("echo", "GET", "/", Request{}.timeout(60s));

  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto begun = Clock::now();
    const auto waited = request(caller, driver, "GET", "/", Request{}.timeout(deadline));
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().condition(), Condition::timeout) << waited.error().message;
    EXPECT_EQ(waited.error().sent, Sent::no);
    EXPECT_LT(Clock::now() - begun, endless);
  }
}

/// OpenSSL reads such messages as long as there are any and answers nobody meanwhile: no deadline
/// could end that.
TEST(P5Deadline, IsNotKeptFromTheCallByMessagesOfTlsItself) {
  std::string hello_requests("\x16\x03\x03\x10\0", 5);
  hello_requests += std::string(4096, '\0');
  RawServer server([&](Peer& peer) {
    if (!peer.readable()) return;
    for (int i = 0; i < 16'000; ++i)
      if (::send(peer.fd(), hello_requests.data(), hello_requests.size(), MSG_NOSIGNAL) < 0) return;
  });
  Caller caller =
      caller_of("https" + server.url().substr(4), "retry.max_attempts = 1\ntls.verify = \"off\"\n");

  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto result = request(caller, driver, "GET", "/", Request{}.timeout(10s));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::tls_error) << result.error().message;
    EXPECT_EQ(result.error().reason, "flood") << result.error().message;
  }
}

/// A listener whose queue is full answers no handshake: what a filtered port looks like.
class FullListener {
 public:
  FullListener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::bind(sockets_[0], generic, size);
    ::listen(sockets_[0], 0);
    ::getsockname(sockets_[0], generic, &size);
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(sockets_.back(), generic, size));
    }
  }
  ~FullListener() {
    for (int fd : sockets_) ::close(fd);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::vector<int> sockets_;
  int port_ = 0;
};

TEST(P5Deadline, BoundsAConnectThatNobodyAnswers) {
  FullListener listener;
  Caller caller =
      caller_of(listener.url(), "timeouts.connect = \"0s\"\ntimeouts.acquire = \"0s\"\n");

  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto begun = Clock::now();
    const auto result = request(caller, driver, "GET", "/", Request{}.timeout(deadline));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().condition(), Condition::timeout) << result.error().message;
    EXPECT_EQ(result.error().sent, Sent::no);
    EXPECT_LT(Clock::now() - begun, endless);
  }
}

/// "0s" is off, not no time at all: what is left to end the call is its own deadline.
TEST(P5Deadline, IsWhatEndsAnOpeningWhoseOwnTimeIsOff) {
  support::BlackHole hole("127.0.0.2");
  RawServer silent([](Peer& peer) { peer.read_to_end(); });
  const std::string short_times =
      "timeouts.acquire = \"50ms\"\ntimeouts.dns = \"50ms\"\nretry.max_attempts = 1\n";
  struct Row {
    std::string url, times;
  };
  const Row rows[] = {
      {"http://127.0.0.2:" + std::to_string(hole.port()), "timeouts.connect = \"0s\"\n"},
      {"https" + silent.url().substr(4), "timeouts.connect = \"50ms\"\ntimeouts.tls = \"0s\"\n"}};

  for (const Row& row : rows)
    for (const Driver driver : {Driver::blocking, Driver::loop}) {
      Caller caller = caller_of(row.url, short_times + row.times);
      const auto begun = Clock::now();
      const auto result = request(caller, driver, "GET", "/", Request{}.timeout(500ms));
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().outcome, Outcome::deadline_exceeded) << result.error().message;
      EXPECT_GE(Clock::now() - begun, 500ms) << row.times;
    }
}

TEST(P5Deadline, DoesNotTakeAddressesThatAnswerLateForAFullPool) {
  // Four that nobody answers, 250 ms apart: longer than acquire, dns and connect together.
  support::BlackHole first("127.0.0.2"), second("127.0.0.3", first.port()),
      third("127.0.0.4", first.port()), fourth("127.0.0.5", first.port());
  const std::string times =
      "timeouts.acquire = \"100ms\"\ntimeouts.dns = \"100ms\"\ntimeouts.connect = \"200ms\"\n"
      "retry.max_attempts = 1\n";
  const std::string hosts =
      "[caller.hosts]\n\"svc.test\" = [\"127.0.0.2\", \"127.0.0.3\", \"127.0.0.4\", "
      "\"127.0.0.5\"]\n";

  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    Caller caller = caller_of("http://svc.test:" + std::to_string(first.port()), times + hosts);
    const auto result = request(caller, driver, "GET", "/");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::connect_timeout) << result.error().message;
  }
}

TEST(P5Deadline, DoesNotTakeAConnectThatNobodyAnswersForAFullPool) {
  support::BlackHole hole;
  Caller caller = caller_of("http://127.0.0.1:" + std::to_string(hole.port()),
                            "timeouts.attempt = \"200ms\"\ntimeouts.connect = \"200ms\"\n"
                            "retry.max_attempts = 2\nbreaker.mode = \"off\"\n");
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto result = request(caller, driver, "GET", "/");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::connect_timeout) << result.error().message;
    EXPECT_EQ(result.error().phase, Phase::connect);
    EXPECT_EQ(result.error().attempts, 2) << "another connection may come about";
  }
}

TEST(P5Deadline, DoesNotTakeAHandshakeThatNobodyAnswersForAFullPool) {
  RawServer server([](Peer& peer) { peer.read_to_end(); });
  Caller caller = caller_of("https://127.0.0.1:" + std::to_string(server.port()),
                            "timeouts.attempt = \"200ms\"\ntimeouts.connect = \"200ms\"\n"
                            "retry.max_attempts = 1\n");
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    const auto result = request(caller, driver, "GET", "/");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().outcome, Outcome::tls_error) << result.error().message;
    EXPECT_EQ(result.error().reason, "timeout");
    EXPECT_EQ(result.error().phase, Phase::tls);
    EXPECT_NE(result.error().message.find(": no TLS handshake within 2"), std::string::npos);
    EXPECT_NE(result.error().message.find(" ms, all that this attempt had; raise timeouts.attempt "
                                          "if it takes longer, or lower timeouts.tls"),
              std::string::npos)
        << result.error().message;
  }
}

}  // namespace
}  // namespace callerapi::promises
