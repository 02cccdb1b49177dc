#include "wire/exchange.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "support/coded.hpp"

namespace callerapi::wire {
namespace {

using State = Exchange::State;

/// A peer that has already sent everything and counts what is read of it.
class FullStream final : public Stream {
 public:
  explicit FullStream(std::string bytes, bool closed = false)
      : bytes_(std::move(bytes)), closed_(closed) {}

  IoResult read(char* into, std::size_t size) noexcept override {
    if (at_ == bytes_.size()) return {0, closed_ ? 0 : EAGAIN};
    const std::size_t n = std::min(size, bytes_.size() - at_);
    std::memcpy(into, bytes_.data() + at_, n);
    at_ += n;
    return {n, 0};
  }
  IoResult write(const iovec* pieces, int count) noexcept override {
    std::size_t all = 0;
    for (int i = 0; i < count; ++i) all += pieces[i].iov_len;
    return {all, 0};
  }
  bool quiet() noexcept override { return true; }
  int connect_error() noexcept override { return 0; }
  void shutdown() noexcept override {}
  int fd() const noexcept override { return -1; }
  std::size_t taken() const { return at_; }

 private:
  const std::string bytes_;
  const bool closed_;
  std::size_t at_ = 0;
};

ExchangeRequest get(bool stream) {
  ExchangeRequest request;
  request.method = "GET";
  request.head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  request.stream = stream;
  request.decode = true;
  return request;
}

/// The request has left, and the loop says that something came.
State woken(Exchange& exchange) {
  exchange.advance();
  return exchange.advance();
}

std::string answer(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

std::string numbers(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i * i) + ",";
  text.resize(size);
  return text;
}

TEST(StreamedExchange, ReadsNoFurtherThanItsReaderTakes) {
  const std::string body = numbers(4u << 20);
  FullStream peer(answer(body));
  Exchange exchange(peer, get(true), false);

  ASSERT_EQ(woken(exchange), State::head);
  EXPECT_EQ(exchange.take_response().status, 200);
  EXPECT_LE(peer.taken(), 16u << 10);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(exchange.advance(), State::more);
  EXPECT_LE(peer.taken(), 192u << 10) << "asking again reads nothing";

  std::string got = exchange.take_body();
  State state = State::more;
  while ((state = exchange.advance()) == State::more) {
    const std::string piece = exchange.take_body();
    EXPECT_LE(piece.size(), 128u << 10);
    got += piece;
    ASSERT_LE(peer.taken(), got.size() + (192u << 10));
  }
  got += exchange.take_body();
  EXPECT_EQ(state, State::done);
  EXPECT_TRUE(got == body);
  EXPECT_TRUE(exchange.reusable());
}

TEST(StreamedExchange, ABodyThatGrowsIsDecodedOnlyAsFarAsItIsTaken) {
  const std::string body =
      std::string(1u << 20, 'a') + numbers(3u << 20) + std::string(1u << 20, 'b');
  const std::string coded = support::coded(support::coded(body), support::raw_format);
  FullStream peer(answer(coded, "Content-Encoding: gzip, deflate\r\n"));
  Exchange exchange(peer, get(true), false);

  ASSERT_EQ(woken(exchange), State::head);
  const Response head = exchange.take_response();
  EXPECT_FALSE(head.headers.contains("Content-Encoding"));
  EXPECT_FALSE(head.headers.contains("Content-Length"));
  std::string got;
  State state = State::more;
  while ((state = exchange.advance()) == State::more) {
    const std::string piece = exchange.take_body();
    EXPECT_LE(piece.size(), 96u << 10);
    got += piece;
  }
  got += exchange.take_body();
  EXPECT_EQ(state, State::done);
  EXPECT_TRUE(got == body);
}

/// Remembers what it was given, and how often.
struct CountingSink final : BodySink {
  bool write(std::span<const char> bytes) override {
    got.append(bytes.data(), bytes.size());
    ++visits;
    return true;
  }
  std::string got;
  int visits = 0;
};

std::string chunked(std::string_view body) {
  std::string out;
  for (; !body.empty(); body.remove_prefix(std::min<std::size_t>(body.size(), 1000))) {
    const std::string_view piece = body.substr(0, 1000);
    char head[16];
    out.append(head,
               static_cast<std::size_t>(std::snprintf(head, sizeof head, "%zx\r\n", piece.size())));
    out.append(piece).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

/// Whoever drives it looks at the time between two visits, and the sink gets all the same bytes.
TEST(SinkExchange, IsAskedOnceInATurn) {
  const std::string_view head = "HTTP/1.1 200 OK\r\n";
  for (const std::size_t size : {std::size_t{9}, std::size_t{40'000}, std::size_t{3} << 20}) {
    const std::string body = numbers(size), coded = support::coded(body);
    for (const std::string& sent :
         {answer(body), std::string(head) + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body),
          answer(coded, "Content-Encoding: gzip\r\n"),
          std::string(head) + "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" +
              chunked(coded)}) {
      FullStream peer(sent);
      CountingSink sink;
      ExchangeRequest request = get(false);
      request.sink = &sink;
      Exchange exchange(peer, request, false);
      exchange.advance();
      State state = State::waiting;
      for (int before = 0; state == State::waiting; before = sink.visits) {
        state = exchange.advance();
        EXPECT_LE(sink.visits, before + 1);
        ASSERT_TRUE(state != State::waiting || exchange.more_now()) << "nobody would come back";
      }
      EXPECT_EQ(state, State::done);
      EXPECT_TRUE(sink.got == body) << size;
      EXPECT_TRUE(exchange.reusable());
    }
  }
}

TEST(ExchangePace, AnEndThatCameWithTheLastBytesIsSeenAtOnce) {
  FullStream peer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true);
  Exchange exchange(peer, get(false), false);

  ASSERT_EQ(woken(exchange), State::failed);
  EXPECT_EQ(exchange.take_error().outcome, Outcome::response_truncated);
}

TEST(ExchangePace, TheLimitCountsWhatArrivesAndWhatItBecomes) {
  const std::string small = support::coded(std::string(100'000, 'x'));
  std::string noise;
  for (int i = 0; i < 4000; ++i) noise += static_cast<char>((i * 7919 + i * i) >> 3);
  const std::string large = support::coded(noise);
  for (const std::string& body : {small, large}) {
    FullStream peer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + body);
    ExchangeRequest request = get(false);
    request.response_bytes_max = 1000;
    Exchange exchange(peer, request, false);
    ASSERT_EQ(woken(exchange), State::failed);
    const Error error = exchange.take_error();
    EXPECT_EQ(error.outcome, Outcome::response_too_large);
    EXPECT_EQ(error.message,
              "response body: more than the 1000 bytes allowed; raise limits.response_body or take "
              "it with a BodySink");
  }
}

TEST(ExchangePace, AnAnswerWithoutABodyKeepsItsFieldsWhateverTheySay) {
  for (const char* method : {"HEAD", "GET"}) {
    const bool head = std::string_view(method) == "HEAD";
    FullStream peer(head ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: br\r\n\r\n"
                         : "HTTP/1.1 304 X\r\nContent-Encoding: br\r\n\r\n");
    ExchangeRequest request = get(false);
    request.method = method;
    Exchange exchange(peer, request, false);
    ASSERT_EQ(woken(exchange), State::done) << method;
    EXPECT_EQ(exchange.take_response().headers.get("Content-Encoding"), "br") << method;
  }
}

}  // namespace
}  // namespace callerapi::wire
