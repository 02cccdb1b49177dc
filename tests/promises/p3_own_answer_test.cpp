// P3: an answer belongs to its request. Every case of the reader's tables goes over a real socket,
// followed by a canary call on the same Caller that must get its own answer.
#include <gtest/gtest.h>

#include <atomic>
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
    Caller caller = caller_of(
        server.url(), std::string("retry.max_attempts = 1\n") +
                          (c.lenient ? "response = { bare_lf = true, obs_fold = true }\n" : ""));

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
INSTANTIATE_TEST_SUITE_P(P3Lenient, OwnAnswer, ::testing::ValuesIn(wire::lenient_cases()),
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

/// Answers with the id of the request, but the first `wrong` times with another.
void echo_id(Peer& peer, std::atomic<int>& wrong, std::string& last) {
  for (;;) {
    const std::string head = peer.read_until("\r\n\r\n");
    if (head.empty()) return;
    const auto at = head.find("X-Request-Id: ") + 14;
    last = head.substr(at, head.find('\r', at) - at);
    const std::string id = wrong-- > 0 ? "another" : last;
    peer.send("HTTP/1.1 200 OK\r\nX-Request-Id: " + id + "\r\nContent-Length: 2\r\n\r\nhi");
  }
}

TEST(P3OwnAnswer, AnAnswerWithTheIdOfAnotherRequestIsRefusedAndItsConnectionGone) {
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    std::atomic<int> wrong{1};
    std::string sent;
    RawServer server([&](Peer& peer) { echo_id(peer, wrong, sent); });
    Caller caller = caller_of(server.url(), "request.id = true\n");

    const auto post = request(caller, driver, "POST", "/");
    ASSERT_FALSE(post);
    EXPECT_EQ(post.error().outcome, Outcome::protocol_error);
    EXPECT_EQ(post.error().reason, "request_id");
    EXPECT_NE(post.error().message.find("the answer is for X-Request-Id 'another', the request "
                                        "had '" +
                                        sent + "': answers were mixed up on the way"),
              std::string::npos)
        << post.error().message;
    EXPECT_EQ(sent.size(), 36u) << "a UUID";

    const auto right = request(caller, driver, "GET", "/");
    ASSERT_TRUE(right) << right.error().message;
    EXPECT_EQ(server.accepted(), 2);

    wrong = 1;
    const auto again = request(caller, driver, "GET", "/");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->attempts, 2) << "a request that may be repeated is";

    wrong = 0;
    const auto own = request(caller, driver, "GET", "/", Request{}.header("X-Request-Id", "mine"));
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_EQ(sent, "mine");
  }
}

TEST(P3OwnAnswer, AnAnswerThatNamesNoIdIsTaken) {
  RawServer server([](Peer& peer) {
    while (!peer.read_until("\r\n\r\n").empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  Caller caller = caller_of(server.url(), "request.id = true\n");
  EXPECT_TRUE(request(caller, Driver::blocking, "GET", "/"));
}

}  // namespace
}  // namespace callerapi::promises
