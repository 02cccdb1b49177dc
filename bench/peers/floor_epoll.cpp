// The floor of calls in flight: one thread, edge-triggered epoll, send and read. No timers, no
// checks, no retries, nothing kept of the body. With --rate an open loop over so many connections:
// a call that finds none free waits, and is counted from when it was meant to begin.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <vector>

#include "floor_lane.hpp"

namespace callerapi::bench {
namespace {

using Events = std::array<epoll_event, 256>;

Lane& lane_of(const epoll_event& event) { return *static_cast<Lane*>(event.data.ptr); }

class Floor {
 public:
  Floor(const Task& task, Meter& meter) : task_(task), meter_(meter) {
    for (std::size_t i = 0; i < task.lanes; ++i)
      lanes_.push_back(std::make_unique<Lane>(task, meter, epoll_));
  }

  void closed_loop() {
    std::size_t running = 0;
    for (auto& lane : lanes_) running += lane->begin() ? 1 : 0;
    Events events;
    while (running > 0) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10'000);
      if (count <= 0) return meter_.failed("nothing for 10 s");
      for (int i = 0; i < count; ++i) {
        Lane& lane = lane_of(events[static_cast<std::size_t>(i)]);
        if (lane.read() && !lane.begin()) --running;
      }
    }
  }

  void open_loop(std::uint64_t calls) {
    const Schedule schedule(task_);
    std::vector<Lane*> free;
    for (auto& lane : lanes_) free.push_back(lane.get());
    Events events;
    for (std::uint64_t begun = 0, ended = 0; ended < calls;) {
      for (; begun < calls && !free.empty() && schedule.of(begun) <= clock_now(); ++begun) {
        free.back()->begin(schedule.of(begun));
        free.pop_back();
      }
      const bool more = begun < calls && !free.empty();
      const int count =
          wait(events, more ? schedule.of(begun) - clock_now() : Duration(10'000'000'000));
      if (count <= 0 && !more) return meter_.failed("nothing for 10 s");
      for (int i = 0; i < count; ++i) {
        Lane& lane = lane_of(events[static_cast<std::size_t>(i)]);
        if (!lane.read()) continue;
        ++ended;
        free.push_back(&lane);
      }
    }
  }

 private:
  int wait(Events& events, Duration at_most) {
    const auto ns = std::max<Duration::rep>(0, at_most.count());
    const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
    return ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
  }

  const Task& task_;
  Meter& meter_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  Floor floor(task, meter);
  return meter.run(
      [&](std::uint64_t calls) { task.rate > 0 ? floor.open_loop(calls) : floor.closed_loop(); });
}
