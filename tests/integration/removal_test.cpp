// What becomes of the calls of a service that leaves the registry. The clock is the test's.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
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

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A server that answers nobody until it is let, or begins an answer that it does not end.
class Removal : public ::testing::Test {
 protected:
  Removal()
      : server_([this](support::Peer& peer) {
          while (!peer.read_until("\r\n\r\n").empty()) {
            ++asked_;
            if (streams_) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
            while (!answers_ && !peer.readable(5)) continue;
            if (!answers_) return;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
          }
        }) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-removal-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write(service("leaves") + service("stays"));
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    host_ = Host::open({folder_ / "registry.toml", {}}, std::move(options), clock_).value();
  }
  ~Removal() override {
    host_.reset();
    fs::remove_all(folder_);
  }

  std::string service(const std::string& name, const std::string& more = "") const {
    return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + server_.url() +
           "\"\ntimeouts = { total = \"10h\", attempt = \"10h\", read_idle = \"0s\", stream_idle = "
           "\"0s\" }\n" +
           more;
  }
  void write(const std::string& services) const {
    std::ofstream(folder_ / "registry.toml") << "schema = 1\n" << services;
  }
  void reload(const std::string& services) {
    write(services);
    ASSERT_TRUE(host_->reload());
  }
  Host::Parts parts(const std::string& name) {
    return support::parts_of(*host_, name, "get", Request{}.path("id", "1"));
  }
  /// Two whole rounds of the loop: what was due in the first has been done.
  void rounds() {
    for (int i = 0; i < 2; ++i) {
      std::atomic<bool> ran{false};
      host_->loop().post([&] { ran = true; });
      while (!ran) std::this_thread::yield();
    }
  }
  void pass(std::chrono::seconds time) {
    for (; time > 0s; time -= 1s) {
      clock_->advance(1s);
      rounds();
    }
  }
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }
  static void expect_unloaded(const Error& error) {
    EXPECT_EQ(error.outcome, Outcome::unloaded) << error.message;
    EXPECT_EQ(error.reason, "unloaded");
    EXPECT_EQ(error.attempts, 1);
    EXPECT_NE(error.sent, Sent::no) << "the server has seen it";
    EXPECT_TRUE(error.message.ends_with(
        "the service was removed from the registry, and its calls did not end within the drain "
        "time of 30s"))
        << error.message;
  }

  std::atomic<int> asked_{0};
  std::atomic<bool> answers_{false}, streams_{false};
  support::RawServer server_;
  fs::path folder_;
  std::shared_ptr<base::ManualClock> clock_ = std::make_shared<base::ManualClock>();
  std::shared_ptr<Host> host_;
};

TEST_F(Removal, CancelsACallOnTheLoopAndABlockingOneAfterTheDrainTimeAndNotBefore) {
  auto on_loop = host_->start(parts("leaves"));
  std::atomic<bool> ended{false};
  Result<Response> blocking = Error{};
  std::thread waits([&] {
    blocking = host_->run(parts("leaves"));
    ended = true;
  });
  auto other = host_->start(parts("stays"));
  ASSERT_TRUE(soon([&] { return asked_ == 3; }));

  reload(service("stays"));
  pass(29s);
  EXPECT_FALSE(on_loop.done());
  EXPECT_FALSE(ended);
  pass(2s);
  ASSERT_TRUE(soon([&] { return on_loop.done() && ended; }));

  waits.join();
  auto looped = std::move(on_loop).get();
  ASSERT_FALSE(looped);
  ASSERT_FALSE(blocking);
  expect_unloaded(looped.error());
  expect_unloaded(blocking.error());
  EXPECT_FALSE(other.done()) << "another service's call";
}

TEST_F(Removal, EndsAStreamThatNobodyReads) {
  streams_ = true;
  auto stream = host_->start_stream(parts("leaves"), nullptr).get();
  ASSERT_TRUE(stream);
  reload(service("stays"));

  pass(31s);

  std::string text(100, '\0');
  auto got = stream->read(text);
  while (got && *got > 0) got = stream->read(text);
  ASSERT_FALSE(got);
  expect_unloaded(got.error());
}

TEST_F(Removal, OfAServiceThatComesBackInTimeCostsNoCall) {
  auto call = host_->start(parts("leaves"));
  ASSERT_TRUE(soon([&] { return asked_ == 1; }));

  reload(service("stays"));
  pass(20s);
  reload(service("stays") + service("leaves"));
  pass(60s);
  EXPECT_FALSE(call.done());
  answers_ = true;

  EXPECT_EQ(std::move(call).get().value().body, "done");
}

TEST_F(Removal, ReachesThePoolsThatTheServiceHadBefore) {
  auto call = host_->start(parts("leaves"));
  ASSERT_TRUE(soon([&] { return asked_ == 1; }));
  reload(service("stays") + service("leaves", "pool.connections_max = 7\n"));
  pass(60s);
  EXPECT_FALSE(call.done()) << "a change of settings cancels nothing";

  reload(service("stays"));
  pass(31s);

  ASSERT_TRUE(soon([&] { return call.done(); }));
  expect_unloaded(std::move(call).get().error());
}

TEST_F(Removal, EndsThoseWhoWaitForTheirTurnWithTheDrainTimeAndNotBefore) {
  reload("[defaults.timeouts]\nacquire = \"0s\"\n" +
         service("leaves", "limits.inflight = 1\nlimits.queue = 8\n"));
  auto first = host_->start(parts("leaves"));
  ASSERT_TRUE(soon([&] { return asked_ == 1; }));
  auto looped = host_->start(parts("leaves"));
  auto waits = parts("leaves");
  const auto state = (*waits)->callee->state;
  Result<Response> blocking = Error{};
  std::atomic<bool> ended{false};
  std::thread thread([&] {
    blocking = host_->run(std::move(waits));
    ended = true;
  });
  ASSERT_TRUE(soon([&] { return state->limits.waiting() == 2; }));

  reload(service("stays"));
  pass(29s);
  EXPECT_FALSE(looped.done());
  EXPECT_FALSE(ended);
  pass(2s);
  ASSERT_TRUE(soon([&] { return looped.done() && ended; }));

  thread.join();
  const Error one = std::move(looped).get().error();
  for (const Error* error : {&one, &std::as_const(blocking).error()}) {
    EXPECT_EQ(error->outcome, Outcome::unloaded) << error->message;
    EXPECT_EQ(error->attempts, 0) << "it was not let in when the first was cancelled";
  }
  EXPECT_EQ(asked_, 1);
  expect_unloaded(std::move(first).get().error());
}

}  // namespace
}  // namespace callerapi::caller
