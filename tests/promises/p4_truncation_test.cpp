// P4: an answer that was cut short is an error, wherever the cut is, and the cut of a closing peer
// as well as that of a reset.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using support::Peer;
using support::RawServer;

std::string body_of(std::size_t size) {
  std::string body;
  while (body.size() < size) body += static_cast<char>('a' + body.size() % 26);
  return body;
}

struct Shape {
  const char* name;
  std::string whole;
};

/// Answers of about 300 bytes each.
std::vector<Shape> shapes() {
  const std::string body = body_of(220);
  return {{"content-length",
           "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 220\r\n\r\n" + body},
          {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5a;x=y\r\n" +
                          body.substr(0, 90) + "\r\n82\r\n" + body.substr(90) +
                          "\r\n0\r\nTrailer: t\r\n\r\n"}};
}

void check_cuts(Driver driver, const Shape& shape) {
  std::atomic<std::size_t> cut{0};
  RawServer server([&](Peer& peer) {
    if (peer.read_until("\r\n\r\n").empty()) return;
    peer.send(shape.whole.substr(0, cut));
  });
  Caller caller = caller_of(server.url(), "retry.max_attempts = 1\nbreaker.mode = \"off\"\n");
  for (cut = 0; cut <= shape.whole.size(); ++cut) {
    const auto result = request(caller, driver, "GET", "/");
    const bool whole = cut == shape.whole.size();
    ASSERT_EQ(result.has_value(), whole)
        << shape.name << " cut after " << cut << " of " << shape.whole.size() << " bytes";
    if (!whole) {
      ASSERT_EQ(result.error().outcome,
                cut == 0 ? Outcome::connection_reset : Outcome::response_truncated)
          << result.error().message;
    }
  }
}

TEST(P4Truncation, EveryCutOfAClosingPeerIsAnError) {
  for (const Driver driver : {Driver::blocking, Driver::loop})
    for (const Shape& shape : shapes()) check_cuts(driver, shape);
}

/// A reset, sent when the client has taken every byte before it: a body that ends with the
/// connection is no exception.
TEST(P4Truncation, AResetIsNeverACleanEnd) {
  for (const Driver driver : {Driver::blocking, Driver::loop}) {
    for (const std::string head :
         {"Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
      RawServer server([&](Peer& peer) {
        if (peer.read_until("\r\n\r\n").empty()) return;
        peer.send("HTTP/1.1 200 OK\r\n" + head + "\r\n" +
                  (head.starts_with('T') ? "5\r\nabcde" : "abcde"));
        peer.reset();
      });
      Caller caller = caller_of(server.url(), "retry.max_attempts = 1\nbreaker.mode = \"off\"\n");

      const auto result = request(caller, driver, "GET", "/");

      ASSERT_FALSE(result) << head << "a reset passed for an end";
      EXPECT_TRUE(result.error().outcome == Outcome::response_truncated ||
                  result.error().outcome == Outcome::connection_reset)
          << result.error().message;
    }
  }
}

TEST(P4Truncation, ABodyThatEndsWithTheConnectionIsWholeWhenThePeerCloses) {
  RawServer server([](Peer& peer) {
    if (peer.read_until("\r\n\r\n").empty()) return;
    peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  Caller caller = caller_of(server.url());

  EXPECT_EQ(request(caller, Driver::blocking, "GET", "/").value().body, "all of it");
  EXPECT_EQ(request(caller, Driver::loop, "GET", "/").value().body, "all of it");
}

}  // namespace
}  // namespace callerapi::promises
