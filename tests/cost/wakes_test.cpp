// A blocking call waits on its own thread: what comes for it is nothing to the loop, whoever opened
// the connection.
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "callerapi/caller.hpp"
#include "cost/counted.hpp"
#include "support/raw_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

constexpr std::size_t pieces = 200;
/// The loop opens the connection, keeps its timers and looks at its pool once a second.
constexpr std::uint64_t waits_of_the_loop = 40;

/// Lets the server go on when a piece has been taken: each is an event of its own.
class Turns final : public BodySink {
 public:
  bool write(std::span<const char> bytes) override {
    std::lock_guard lock(mutex_);
    taken_ += bytes.size();
    taken_more_.notify_all();
    return true;
  }
  void await(std::size_t count) {
    std::unique_lock lock(mutex_);
    taken_more_.wait(lock, [&] { return taken_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable taken_more_;
  std::size_t taken_ = 0;
};

TEST(CostOfACall, APieceOfABlockingCallsAnswerWakesNoLoopThoughItOpenedTheConnection) {
  const auto turns = std::make_shared<Turns>();
  support::RawServer server([&](support::Peer& peer) {
    if (peer.read_until("\r\n\r\n").empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(pieces) + "\r\n\r\n");
    for (std::size_t i = 0; i < pieces; ++i) {
      turns->await(i);
      peer.send("x");
    }
    peer.read_to_end();
  });
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  Caller caller =
      Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                            server.url() + "\"\n",
                        std::move(options))
          .value();
  const auto before = cost::everywhere();
  const auto answer = caller.call("echo", "get", Request{}.path("id", "7").into(turns));
  const auto asked = cost::everywhere() - before;
  // Or the server would wait for pieces that nobody takes any more.
  if (!answer) turns->write(std::string(pieces, 'x'));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_LE(asked.waits, waits_of_the_loop);
}

}  // namespace
}  // namespace callerapi
