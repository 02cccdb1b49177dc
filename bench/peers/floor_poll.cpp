// The floor of a blocking call: send, then poll and read until the answer is whole. No timers, no
// checks, no retries, nothing kept of the body. One thread for each lane.
#include <poll.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "channel.hpp"

namespace callerapi::bench {
namespace {

class Lane {
 public:
  Lane(const Task& task, Meter& meter)
      : task_(task), request_(task.bytes()), meter_(meter), input_(buffer_of(task)) {
    if (!task.reconnect) channel_.emplace(task);
  }

  void run() {
    while (meter_.claim()) call();
  }

 private:
  /// Large answers are read in large pieces, whatever the client.
  static std::size_t buffer_of(const Task& task) {
    return task.expect_bytes > (1u << 20) ? 512u << 10 : 16u << 10;
  }

  void call() {
    const TimePoint began = clock_now();
    std::size_t kept = 0;
    std::uint64_t body = 0;
    Framing framing;
    if (task_.reconnect) channel_.emplace(task_);
    channel_->write(request_.data(), request_.size());
    send_body();
    while (framing.head == 0 || body < framing.body) {
      const long n = channel_->read(input_.data() + kept, input_.size() - kept);
      if (n == 0) return meter_.failed("closed");
      if (n < 0) {
        pollfd entry{channel_->fd(), POLLIN, 0};
        ::poll(&entry, 1, 10'000);
        continue;
      }
      if (framing.head > 0) {
        body += static_cast<std::uint64_t>(n);
        continue;
      }
      kept += static_cast<std::size_t>(n);
      framing = framing_of({input_.data(), kept});
      if (framing.head == 0) continue;
      body = kept - framing.head;
      kept = 0;
    }
    meter_.ended(framing.status, body, began);
  }

  void send_body() {
    for (std::uint64_t left = task_.send_bytes; left > 0;) {
      const std::size_t size = std::min<std::uint64_t>(left, piece_of_body().size());
      const long n = channel_->write(piece_of_body().data(), size);
      if (n <= 0) return;
      left -= static_cast<std::uint64_t>(n);
    }
  }

  const Task& task_;
  const std::string request_;
  Meter& meter_;
  std::optional<Channel> channel_;
  std::vector<char> input_;
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i) lanes.push_back(std::make_unique<Lane>(task, meter));
  return meter.run([&](std::uint64_t) {
    if (lanes.size() == 1) return lanes[0]->run();
    std::vector<std::thread> threads;
    for (auto& lane : lanes) threads.emplace_back([&lane] { lane->run(); });
    for (auto& thread : threads) thread.join();
  });
}
