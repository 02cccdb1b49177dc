// What becomes of a stream whose next piece nobody takes.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/fan_out.hpp"
#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// One piece, the path, and no end.
Script one_piece(const SeenRequest& request) {
  return {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" + request.target +
                   "\r\n"};
}

class NextPiece : public ::testing::Test {
 protected:
  BodyStream open(const std::string& path) {
    return caller_.request_stream("echo", "GET", path).value();
  }
  /// The next piece, which has come.
  static Call<std::string> arrived(BodyStream& stream) {
    auto piece = stream.next();
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!piece.done() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return piece;
  }
  static std::string read(BodyStream& stream) {
    std::string buffer(100, '\0');
    const auto got = stream.read(buffer);
    return got ? buffer.substr(0, *got) : got.error().reason;
  }

  ScriptedServer server_{one_piece};
  Caller caller_ = support::echo_caller(server_.url(), "timeouts.stream_idle = \"5s\"\n");
};

TEST_F(NextPiece, ThatHasComeAndIsDroppedCancelsTheStream) {
  BodyStream stream = open("/a");
  { const auto unused = arrived(stream); }
  EXPECT_EQ(read(stream), "cancelled") << "a piece is missing, and nothing says so";
}

TEST_F(NextPiece, OfWhatFirstOkDoesNotTakeCancelsItsStream) {
  BodyStream a = open("/a"), b = open("/b");
  std::vector<Call<std::string>> pieces;
  pieces.push_back(arrived(a));
  pieces.push_back(arrived(b));
  EXPECT_EQ(first_ok(std::move(pieces)).get().value(), "/a");
  EXPECT_EQ(read(b), "cancelled");
  auto more = a.next();
  EXPECT_FALSE(more.done()) << "the winner's stream goes on";
}

TEST_F(NextPiece, OfSeveralThatAreDroppedCancelsAllStreams) {
  BodyStream a = open("/a"), b = open("/b");
  { const auto unused = when_all(arrived(a), arrived(b)); }
  EXPECT_EQ(read(a), "cancelled");
  EXPECT_EQ(read(b), "cancelled");
}

TEST_F(NextPiece, ThatWasTakenLeavesTheStreamAsItIs) {
  BodyStream stream = open("/a");
  EXPECT_EQ(arrived(stream).get().value(), "/a");
  EXPECT_FALSE(stream.next().done());
  EXPECT_EQ(read(stream), "cancelled") << "and that one was dropped";
}

}  // namespace
}  // namespace callerapi
