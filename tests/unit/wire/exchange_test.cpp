#include "wire/exchange.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <string>

namespace callerapi::wire {
namespace {

/// Takes every byte and answers with a script, each read one entry; then EAGAIN.
class FakeStream final : public Stream {
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
    for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
    return {size, 0};
  }
  bool quiet() noexcept override { return steps_.empty(); }
  int connect_error() noexcept override { return 0; }
  void shutdown() noexcept override {}
  int fd() const noexcept override { return -1; }

 private:
  std::deque<Step> steps_;
};

ExchangeRequest get() {
  ExchangeRequest request;
  request.method = "GET";
  request.head = "GET / HTTP/1.1\r\n\r\n";
  return request;
}

const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nbody";

TEST(Exchange, OneWakeUpReadsUntilNothingIsLeft) {
  // Bytes and the end of the stream are one event of an edge-triggered epoll.
  FakeStream stream({{until_close}, {""}});
  Exchange exchange(stream, get(), false);

  ASSERT_EQ(exchange.advance(), Exchange::State::done);
  EXPECT_EQ(exchange.take_response().body, "body");
}

}  // namespace
}  // namespace callerapi::wire
