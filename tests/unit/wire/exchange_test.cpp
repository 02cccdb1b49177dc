#include "wire/exchange.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace callerapi::wire {
namespace {

/// Takes every byte and answers with a script, each read one entry; then EAGAIN.
class FakeStream : public Stream {
 public:
  struct Step {
    std::string bytes;
    int error = 0;
  };
  explicit FakeStream(std::deque<Step> steps) : steps_(std::move(steps)) {}

  IoResult read(char* into, std::size_t) noexcept override {
    if (steps_.empty()) return {0, EAGAIN};
    const Step step = steps_.front();
    steps_.pop_front();
    std::memcpy(into, step.bytes.data(), step.bytes.size());
    return {step.bytes.size(), step.error};
  }
  IoResult write(const iovec* pieces, int count) noexcept override {
    std::size_t size = 0;
    for (int i = 0; i < count; ++i) {
      written.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
      size += pieces[i].iov_len;
    }
    return {size, 0};
  }
  bool quiet() noexcept override { return steps_.empty(); }
  int connect_error() noexcept override { return 0; }
  void shutdown() noexcept override {}
  int fd() const noexcept override { return -1; }
  const StreamFault* fault() const noexcept override { return fails ? &fault_ : nullptr; }

  bool fails = false;
  std::string written;

 private:
  std::deque<Step> steps_;
  const StreamFault fault_{"alert_80", "h:1: the server sent the alert 'internal error' (80)"};
};

ExchangeRequest get() {
  ExchangeRequest request;
  request.method = "GET";
  request.head = "GET / HTTP/1.1\r\n\r\n";
  return request;
}

const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nbody";

/// The request has left, and the loop says that something came.
Exchange::State woken(Exchange& exchange) {
  EXPECT_EQ(exchange.advance(), Exchange::State::waiting) << "nobody said that an answer is here";
  return exchange.advance();
}

TEST(Exchange, OneWakeUpReadsUntilNothingIsLeft) {
  // Bytes and the end of the stream are one event of an edge-triggered epoll.
  FakeStream stream({{until_close}, {""}});
  Exchange exchange(stream, get(), false);

  ASSERT_EQ(woken(exchange), Exchange::State::done);
  EXPECT_EQ(exchange.take_response().body, "body");
}

TEST(Exchange, AnUnannouncedEndCutsABodyThatEndsWithTheConnection) {
  FakeStream stream({{until_close}, {"", ECONNABORTED}});
  Exchange exchange(stream, get(), false);

  ASSERT_EQ(woken(exchange), Exchange::State::failed);
  const Error error = exchange.take_error();
  EXPECT_EQ(error.outcome, Outcome::response_truncated);
  EXPECT_EQ(error.reason, "no_close_notify");
  EXPECT_EQ(error.message,
            "the body ends with the connection, and that ended without a close_notify, after 4 "
            "bytes of body");
}

TEST(Exchange, AnUnannouncedEndCountsTheBytesOfADeclaredBody) {
  FakeStream stream({{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody"}, {"", ECONNABORTED}});
  Exchange exchange(stream, get(), false);

  ASSERT_EQ(woken(exchange), Exchange::State::failed);
  const Error error = exchange.take_error();
  EXPECT_EQ(error.outcome, Outcome::response_truncated);
  EXPECT_EQ(error.reason, "body");
}

TEST(Exchange, AnAnswerThatIsCompleteNeedsNoAnnouncedEnd) {
  FakeStream stream({{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"}, {"", ECONNABORTED}});
  Exchange exchange(stream, get(), false);

  EXPECT_EQ(woken(exchange), Exchange::State::done);
}

TEST(Exchange, AnAlertBeforeAnyByteIsATlsErrorOnAFreshConnectionOnly) {
  for (const bool reused : {false, true}) {
    FakeStream stream({{"", EPROTO}});
    stream.fails = true;
    Exchange exchange(stream, get(), reused);

    ASSERT_EQ(woken(exchange), Exchange::State::failed);
    const Error error = exchange.take_error();
    EXPECT_EQ(error.outcome, reused ? Outcome::stale_connection : Outcome::tls_error);
    EXPECT_EQ(error.reason, "alert_80");
    EXPECT_EQ(error.message, "h:1: the server sent the alert 'internal error' (80)");
    EXPECT_EQ(error.sent, Sent::maybe);
  }
}

TEST(Exchange, TheStreamLearnsHowLongThePeerKeepsItAndDoesNotForget) {
  const std::string said = "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=7\r\n\r\n";
  FakeStream stream({{said}, {"HTTP/1.1 204 No Content\r\n\r\n"}});
  for (int i = 0; i < 2; ++i) {
    Exchange exchange(stream, get(), i > 0);
    EXPECT_EQ(woken(exchange), Exchange::State::done);
    EXPECT_EQ(stream.peer_keeps, Duration(std::chrono::seconds(7)));
  }
}

/// Gives the pieces one after the other, as far as each fits.
class Pieces final : public BodySource {
 public:
  Pieces(std::deque<std::string> pieces, std::optional<std::uint64_t> length)
      : pieces_(std::move(pieces)), length_(length) {}
  Result<std::size_t> read(std::span<char> into) override {
    most = into.size();
    if (pieces_.empty()) return std::size_t{0};
    const std::string piece = pieces_.front();
    pieces_.pop_front();
    std::memcpy(into.data(), piece.data(), piece.size());
    return piece.size();
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  bool rewind() override { return false; }

  std::size_t most = 0;

 private:
  std::deque<std::string> pieces_;
  std::optional<std::uint64_t> length_;
};

TEST(Exchange, PiecesOfEverySizeLeaveAsChunksOrAsTheyAre) {
  const std::string large(256u << 10, 'l'), medium(4097, 'm');
  for (const bool chunked : {true, false}) {
    const auto length = chunked ? std::nullopt : std::optional(large.size() + medium.size() + 1);
    Pieces source({large, "s", medium}, length);
    ExchangeRequest request = get();
    request.source = &source;
    request.chunked = chunked;
    FakeStream stream({});
    Exchange exchange(stream, request, false);
    do {
      EXPECT_EQ(exchange.advance(), Exchange::State::waiting);
    } while (exchange.more_now());
    EXPECT_EQ(source.most, large.size());
    const std::string body =
        chunked ? "40000\r\n" + large + "\r\n1\r\ns\r\n1001\r\n" + medium + "\r\n0\r\n\r\n"
                : large + "s" + medium;
    EXPECT_TRUE(stream.written == std::string(request.head) + body) << chunked;
    EXPECT_EQ(exchange.body_written(), large.size() + medium.size() + 1);
  }
}

/// Its peer takes four bytes and then no more.
class Refusing final : public FakeStream {
 public:
  Refusing(int error, std::deque<Step> steps) : FakeStream(std::move(steps)), error_(error) {}
  IoResult write(const iovec*, int) noexcept override {
    return std::exchange(begun_, true) ? IoResult{0, error_} : IoResult{4, 0};
  }

 private:
  const int error_;
  bool begun_ = false;
};

TEST(Exchange, AResetThatTheWriteWasToldOfIsNoCleanEndForTheRead) {
  // The kernel tells of a reset once, and then of an end.
  Refusing reset(ECONNRESET, {{until_close}, {""}});
  Exchange cut(reset, get(), false);
  ASSERT_EQ(cut.advance(), Exchange::State::failed);
  EXPECT_EQ(cut.take_error().outcome, Outcome::response_truncated);

  // Who has answered and ended reads no more of a request.
  Refusing ended(EPIPE, {{until_close}, {""}});
  Exchange whole(ended, get(), false);
  EXPECT_EQ(whole.advance(), Exchange::State::done);
}

/// Always has more.
class Endless final : public Stream {
 public:
  IoResult read(char* into, std::size_t size) noexcept override {
    const std::string head = read_++ == 0 ? until_close : "";
    std::memset(into, 'x', size);
    std::memcpy(into, head.data(), head.size());
    return {size, 0};
  }
  IoResult write(const iovec* pieces, int count) noexcept override {
    IoResult moved;
    for (int i = 0; i < count; ++i) moved.bytes += pieces[i].iov_len;
    return moved;
  }
  bool quiet() noexcept override { return false; }
  int connect_error() noexcept override { return 0; }
  void shutdown() noexcept override {}
  int fd() const noexcept override { return -1; }

 private:
  int read_ = 0;
};

TEST(Exchange, ATurnEndsThoughThereIsAlwaysMoreToMove) {
  struct Sink final : BodySink {
    bool write(std::span<const char>) override { return true; }
  };
  Sink sink;
  Endless stream;
  ExchangeRequest request = get();
  request.sink = &sink;
  Exchange exchange(stream, request, false);
  ASSERT_EQ(woken(exchange), Exchange::State::waiting);
  EXPECT_TRUE(exchange.more_now()) << "or nobody would come back";
  const std::uint64_t once = exchange.bytes_read();
  EXPECT_LE(once, 2u << 20);
  ASSERT_EQ(exchange.advance(), Exchange::State::waiting);
  EXPECT_GT(exchange.bytes_read(), once);
}

TEST(Exchange, ATurnSendsOnePieceOfASource) {
  struct Source final : BodySource {
    Result<std::size_t> read(std::span<char> into) override {
      into[0] = 'x';
      return ++pieces, 1u;
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    bool rewind() override { return false; }
    int pieces = 0;
  };
  Source source;
  FakeStream stream({});
  ExchangeRequest request = get();
  request.source = &source;
  request.chunked = true;
  Exchange exchange(stream, request, false);
  for (int turn = 1; turn < 4; ++turn) {
    ASSERT_EQ(exchange.advance(), Exchange::State::waiting);
    EXPECT_TRUE(exchange.more_now());
    EXPECT_EQ(source.pieces, turn);
  }
}

TEST(Exchange, AStreamThatRestedSaysNothingOfWhatLiesInItsConnectionNow) {
  class Draining final : public FakeStream {
   public:
    using FakeStream::FakeStream;
    bool short_read_drains() const noexcept override { return true; }
  };
  std::deque<FakeStream::Step> steps{{"HTTP/1.1 200 OK\r\nContent-Length: 66000\r\n\r\n"}};
  for (int i = 0; i < 5; ++i) steps.push_back({std::string(13'200, 'x')});
  Draining stream(std::move(steps));
  ExchangeRequest request = get();
  request.stream = true;
  Exchange exchange(stream, request, false);
  ASSERT_EQ(woken(exchange), Exchange::State::head);
  ASSERT_EQ(exchange.advance(), Exchange::State::more);
  EXPECT_EQ(exchange.take_body().size(), 66'000u);
  ASSERT_EQ(exchange.advance(), Exchange::State::done);
  EXPECT_TRUE(exchange.reusable());
  EXPECT_FALSE(exchange.drained()) << "its reader may have rested for long";
}

}  // namespace
}  // namespace callerapi::wire
