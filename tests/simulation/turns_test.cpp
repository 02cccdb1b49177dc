// A stream whose bytes are all here already: it has the loop for a turn, then others have it.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/async_call.hpp"
#include "policy/stream_pipe.hpp"
#include "simulation/loop.hpp"
#include "simulation/network.hpp"
#include "simulation/parts.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t body_size = 16u << 20;
// 16 pieces, each at most what a stream holds before it must be taken and one read more; before the
// first turn there is the one that came with the head.
constexpr std::size_t turn_max = 17 * (128u << 10);

/// Answers the first bytes it hears with the whole body; what follows says nothing new and only
/// stirs whoever waits.
class Flood final : public Peer {
 public:
  explicit Flood(int stirs) : stirs_(stirs) {}
  void on_bytes(Cable& cable, std::string_view) override {
    if (std::exchange(answered_, true)) return;
    cable.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_size) + "\r\n\r\n" +
               std::string(body_size - static_cast<std::size_t>(stirs_), 'x'));
    for (int i = 0; i < stirs_; ++i) cable.send("x");
  }
  void on_end(Cable&) override {}

 private:
  const int stirs_;
  bool answered_ = false;
};

/// One streamed call whose consumer takes what comes as it comes.
class Turns : public ::testing::Test {
 protected:
  /// How many bytes were taken between one turn of the others and the next.
  std::vector<std::size_t> read_all(int stirs) {
    loop_.network().places["10.0.0.1"].accept = [stirs] { return std::make_unique<Flood>(stirs); };
    auto call = std::make_shared<policy::AsyncCall>(
        parts(), [](Result<Response> head) { EXPECT_TRUE(head); }, [](policy::LoopCall&) {});
    call->begin();
    take();
    loop_.run_until(loop_.now() + 10s);
    return shares_;
  }

 private:
  policy::CallPartsPtr parts() {
    pool::Settings pool;
    pool.host = "10.0.0.1";
    const auto one = std::make_shared<policy::Instance>();
    one->name = pool.host;
    one->origin = std::make_shared<pool::Origin>(pool, loop_, std::make_shared<pool::Family>());
    one->health = std::make_shared<policy::InstanceHealth>(loop_.now());
    auto set =
        std::make_shared<policy::InstanceSet>(std::vector<std::shared_ptr<policy::Instance>>{one});
    auto parts =
        parts_of({loop_, *counters_}, {"s", "http", "s", "", "sim", ""},
                 node_of(set, std::make_shared<policy::ServiceState>(), {}), "GET", "/", Request{})
            .value();
    parts->prepared.stream = pipe_;
    parts->prepared.stream_deadline = no_deadline;
    return parts;
  }

  void take() {
    pipe_->when_ready([this] {
      const std::string bytes = pipe_->take().value();
      taken_ += bytes.size();
      if (!std::exchange(others_wait_, true)) others();
      if (taken_ < body_size) take();
    });
  }

  /// What else the loop has to do, as long as there is something to take turns with.
  void others() {
    loop_.post([this] {
      const std::size_t share = taken_ - std::exchange(seen_, taken_);
      others_wait_ = share > 0;
      if (!others_wait_) return;
      shares_.push_back(share);
      others();
    });
  }

  SimLoop loop_{1};
  const std::unique_ptr<policy::CallCounters> counters_ = std::make_unique<policy::CallCounters>();
  const std::shared_ptr<policy::StreamPipe> pipe_ = std::make_shared<policy::StreamPipe>();
  std::size_t taken_ = 0, seen_ = 0;
  bool others_wait_ = false;
  std::vector<std::size_t> shares_;
};

std::size_t sum(const std::vector<std::size_t>& shares) {
  return std::accumulate(shares.begin(), shares.end(), std::size_t{0});
}

TEST_F(Turns, OfAStreamEndSoThatOthersHaveTheirs) {
  const auto shares = read_all(0);

  EXPECT_EQ(sum(shares), body_size);
  EXPECT_LE(std::ranges::max(shares), turn_max);
}

TEST_F(Turns, OfAStreamDoNotMultiplyWithWhatStirsIt) {
  const auto shares = read_all(3);

  EXPECT_EQ(sum(shares), body_size);
  // What stirs a stream gives it a turn at once; from then on it has one like everybody else.
  ASSERT_GT(shares.size(), 2u);
  EXPECT_GT(shares.front(), turn_max) << "nothing stirred it while it had more";
  EXPECT_LE(*std::max_element(shares.begin() + 1, shares.end()), turn_max);
}

}  // namespace
}  // namespace callerapi::simulation
