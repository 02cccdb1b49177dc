// P3: an answer belongs to its request. Every case of the reader's tables goes over a real socket,
// followed by a canary call on the same Caller that must get its own answer.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "promises/support.hpp"
#include "unit/wire/response_cases.hpp"

namespace callerapi::wire {

void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

}  // namespace callerapi::wire

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;
using wire::Case;

/// Answers /case with the bytes of the case, anything else with its own target and the number of
/// the connection.
void serve(const Case& c, Peer& peer) {
  for (;;) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.empty()) return;
    if (head.find(" /case ") != std::string::npos) {
      peer.send(c.bytes);
      if (c.fin) return peer.fin(), peer.read_to_end();
      continue;
    }
    const std::string target = head.substr(4, head.find(' ', 4) - 4);
    const std::string body = target + " on " + std::to_string(peer.number());
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
  }
}

class OwnAnswer : public ::testing::TestWithParam<Case> {};

TEST_P(OwnAnswer, AndTheNextCallGetsItsOwnToo) {
  const Case& c = GetParam();
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    RawServer server([&](Peer& peer) { serve(c, peer); });
    Caller caller = caller_of(server.url(), "retry.max_attempts = 1\n");

    // What the reader still waits for never comes: those cases end at the deadline.
    const auto result =
        request(caller, driver, c.method, "/case", Request{}.timeout(c.want.open ? 100ms : 30s));
    const auto canary = request(caller, driver, "GET", "/canary");

    if (c.want.open) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().outcome, Outcome::deadline_exceeded) << result.error().message;
    } else if (c.want.outcome == Outcome::ok) {
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->status, c.want.status);
      EXPECT_EQ(result->body, c.want.body);
    } else {
      ASSERT_FALSE(result) << "accepted with " << result->body.size() << " bytes";
      // Nothing at all before the end is the connection's fault, not that of an answer.
      EXPECT_EQ(result.error().outcome,
                c.bytes.empty() ? Outcome::connection_reset : c.want.outcome)
          << result.error().message;
    }
    ASSERT_TRUE(canary) << canary.error().message;
    const bool kept = result && !c.fin && c.want.keep_alive && c.want.left.empty();
    EXPECT_EQ(canary->body, kept ? "/canary on 1" : "/canary on 2");
  }
}

const auto label_of = [](const ::testing::TestParamInfo<Case>& info) { return info.param.label; };
INSTANTIATE_TEST_SUITE_P(P3Accepted, OwnAnswer, ::testing::ValuesIn(wire::accepted_cases()),
                         label_of);
INSTANTIATE_TEST_SUITE_P(P3Refused, OwnAnswer, ::testing::ValuesIn(wire::refused_cases()),
                         label_of);

/// Bytes that come while a kept connection rests, or before the first request, are nobody's.
TEST(P3OwnAnswer, BytesThatNobodyAskedForCostTheConnection) {
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    std::atomic<bool> forged{false};
    RawServer server([&](Peer& peer) {
      const std::string early = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
      while (!peer.read_until("\r\n\r\n").empty()) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
        if (peer.number() == 1) {
          peer.send(early);
          forged = true;
        }
      }
    });
    Caller caller = caller_of(server.url());
    ASSERT_TRUE(request(caller, driver, "GET", "/one"));
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!forged && std::chrono::steady_clock::now() < until) continue;

    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(request(caller, driver, "GET", "/two").value().body, "real");
    EXPECT_EQ(server.accepted(), 2);
  }
}

}  // namespace
}  // namespace callerapi::promises
