// The floor of calls in flight: one thread, edge-triggered epoll, send and read. No timers, no
// checks, no retries, nothing kept of the body.
#include <sys/epoll.h>

#include <array>
#include <memory>
#include <vector>

#include "channel.hpp"

namespace callerapi::bench {
namespace {

class Lane {
 public:
  Lane(const Task& task, Meter& meter, int epoll)
      : request_(task.bytes()), meter_(meter), channel_(task) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, channel_.fd(), &event);
  }

  /// Begins a call; false when there were enough.
  bool begin() {
    if (!meter_.claim()) return false;
    kept_ = 0;
    body_ = 0;
    framing_ = {};
    began_ = clock_now();
    channel_.write(request_.data(), request_.size());
    return true;
  }

  /// Reads what there is; true when the call has ended.
  bool read() {
    for (;;) {
      const long n = channel_.read(input_.data() + kept_, input_.size() - kept_);
      if (n < 0) return false;
      if (n == 0) return meter_.failed("closed"), true;
      if (framing_.head == 0) {
        kept_ += static_cast<std::size_t>(n);
        framing_ = framing_of({input_.data(), kept_});
        if (framing_.head == 0) continue;
        body_ = kept_ - framing_.head;
        kept_ = 0;
      } else {
        body_ += static_cast<std::uint64_t>(n);
      }
      // A short read has emptied the socket: the next event says when there is more.
      if (body_ >= framing_.body) return meter_.ended(framing_.status, body_, began_), true;
    }
  }

 private:
  const std::string request_;
  Meter& meter_;
  Channel channel_;
  std::array<char, 16384> input_;
  std::size_t kept_ = 0;
  std::uint64_t body_ = 0;
  Framing framing_;
  TimePoint began_{};
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (std::size_t i = 0; i < task.lanes; ++i)
    lanes.push_back(std::make_unique<Lane>(task, meter, epoll));
  return meter.run([&](std::uint64_t) {
    std::size_t running = 0;
    for (auto& lane : lanes) running += lane->begin() ? 1 : 0;
    std::array<epoll_event, 256> events;
    while (running > 0) {
      const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 10'000);
      if (count <= 0) return meter.failed("nothing for 10 s");
      for (int i = 0; i < count; ++i) {
        auto& lane = *static_cast<Lane*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (lane.read() && !lane.begin()) --running;
      }
    }
  });
}
