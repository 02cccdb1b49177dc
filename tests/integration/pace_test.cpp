// Answers that come too slowly, and those that only seem to. The clock is the test's.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "caller/host.hpp"
#include "support/parts.hpp"
#include "support/raw_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::caller {
namespace {

using namespace std::chrono_literals;

constexpr int length = 1'000'000;

/// A server that begins an answer and sends of its body what the test says. No time of the call but
/// response.min_rate = 1000 bytes a second is near.
class Pace : public ::testing::Test {
 protected:
  Pace()
      : server_([this](support::Peer& peer) {
          if (peer.read_until("\r\n\r\n").empty()) return;
          peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
          while (!ends_ && sent_ < length) {
            const int more = wanted_ - sent_;
            if (more > 0) peer.send(std::string(static_cast<std::size_t>(more), 'x'));
            sent_ += more;
            std::this_thread::yield();
          }
        }) {
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    host_ = Host::open({{},
                        "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                            server_.url() +
                            "\"\ntimeouts = { total = \"10h\", attempt = \"10h\", read_idle = "
                            "\"0s\", stream_idle = \"0s\" }\nretry.max_attempts = 1\n"
                            "response.min_rate = \"1000B\"\n"},
                       std::move(options), clock_)
                .value();
  }
  ~Pace() override {
    ends_ = true;
    host_.reset();
  }

  Host::Parts parts() {
    return support::parts_of(*host_, "echo", "get", Request{}.path("id", "1"));
  }
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }
  /// Two whole rounds of the loop: what had come before has been read.
  void rounds() { rounds(host_->loop()); }
  static void rounds(wire::Loop& loop) {
    for (int i = 0; i < 2; ++i) {
      std::atomic<bool> ran{false};
      loop.post([&] { ran = true; });
      while (!ran) std::this_thread::yield();
    }
  }
  void send(int bytes) {
    wanted_ += bytes;
    ASSERT_TRUE(soon([&] { return sent_ == wanted_; }));
    rounds();
  }
  void pass(Duration time) {
    clock_->advance(time);
    rounds();
  }
  static void expect_slow(const Error& error) {
    EXPECT_EQ(error.outcome, Outcome::attempt_timeout) << error.message;
    EXPECT_EQ(error.reason, "min_rate");
    EXPECT_EQ(error.sent, Sent::yes);
    EXPECT_NE(error.message.find("less than response.min_rate = 1000; lower it if the service may "
                                 "be that slow"),
              std::string::npos)
        << error.message;
  }

  std::atomic<int> wanted_{0}, sent_{0};
  std::atomic<bool> ends_{false};
  support::RawServer server_;
  std::shared_ptr<base::ManualClock> clock_ = std::make_shared<base::ManualClock>();
  std::shared_ptr<Host> host_;
};

TEST_F(Pace, APeerThatDripsEndsTheCallThoughItIsNeverSilent) {
  auto call = host_->start(parts());
  for (int second = 0; second < 60 && !call.done(); ++second) {
    send(1);
    pass(1s);
  }
  ASSERT_TRUE(call.done()) << "a byte a second for a minute";
  expect_slow(std::move(call).get().error());
}

TEST_F(Pace, TheSameOnACallingThread) {
  Result<Response> answer = Error{};
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    answer = host_->run(parts());
    ended = true;
  });
  wanted_ = 1;
  ASSERT_TRUE(soon([&] { return sent_ == 1; }));  // no more time passes before
  EXPECT_TRUE(soon([&] {
    if (sent_ == wanted_) {
      ++wanted_;
      clock_->advance(1s);
    }
    return ended.load();
  }));
  ends_ = true;
  thread.join();
  ASSERT_FALSE(answer);
  expect_slow(answer.error());
}

TEST_F(Pace, OneThatKeepsTheRateMayTakeAsLongAsItLikes) {
  auto call = host_->start(parts());
  for (int window = 0; window < 20; ++window) {
    send(20'000);
    pass(10s);
    ASSERT_FALSE(call.done()) << "window " << window;
  }
  send(length - sent_);
  EXPECT_EQ(std::move(call).get().value().body.size(), static_cast<std::size_t>(length));
}

/// An interim answer says that the service thinks, not that it answers.
class Thinking : public Pace, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(, Thinking,
                         ::testing::Values("", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"));

TEST_P(Thinking, BeforeTheAnswerIsNotSlow) {
  ends_ = true;  // no body
  std::atomic<bool> asked{false};
  support::RawServer thinking([&](support::Peer& peer) {
    peer.read_until("\r\n\r\n");
    peer.send(GetParam());
    asked = true;
    while (wanted_ == 0) std::this_thread::yield();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  const auto host =
      Host::open(
          {{},
           "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + thinking.url() +
               "\"\ntimeouts = { total = \"10h\", attempt = \"10h\" }\n"
               "retry.max_attempts = 1\nresponse.min_rate = \"1000B\"\n"},
          std::move(options), clock_)
          .value();
  auto call = host->start(support::parts_of(*host, "echo", "get", Request{}.path("id", "1")));
  ASSERT_TRUE(soon([&] { return asked.load(); }));
  rounds(host->loop());
  clock_->advance(1min);
  rounds(host->loop());
  wanted_ = 1;
  const auto answer = std::move(call).get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->time.wait, 1min) << "to the first byte of the answer itself";
}

/// Each piece costs it a minute.
class SlowSink final : public BodySink {
 public:
  SlowSink(base::ManualClock& clock, std::atomic<int>& taken) : clock_(clock), taken_(taken) {}
  bool write(std::span<const char> bytes) override {
    clock_.advance(1min);
    taken_ += static_cast<int>(bytes.size());
    return true;
  }

 private:
  base::ManualClock& clock_;
  std::atomic<int>& taken_;
};

TEST_F(Pace, ASinkThatTakesItsTimeIsNotThePeersSlowness) {
  std::atomic<int> taken{0};
  std::atomic<bool> ended{false};
  Result<Response> answer = Error{};
  std::thread thread([&] {
    answer = host_->run(support::parts_of(
        *host_, "echo", "get",
        Request{}.path("id", "1").into(std::make_shared<SlowSink>(*clock_, taken))));
    ended = true;
  });
  for (int round = 0; round < 20 && !ended; ++round) {
    wanted_ += 1000;
    EXPECT_TRUE(soon([&] { return taken == wanted_ || ended; }));
  }
  wanted_ = length;
  thread.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(taken, length);
}

TEST_F(Pace, AReaderThatRestsIsNotThePeersSlowness) {
  auto stream = host_->start_stream(parts(), nullptr).get();
  ASSERT_TRUE(stream);
  send(300'000);  // more than the 256 KiB that are kept while nobody reads
  pass(1h);
  wanted_ = length;
  std::string piece(100'000, '\0');
  std::size_t read = 0;
  for (auto got = stream->read(piece); got && *got > 0; got = stream->read(piece)) read += *got;
  EXPECT_EQ(read, static_cast<std::size_t>(length));
}

}  // namespace
}  // namespace callerapi::caller
