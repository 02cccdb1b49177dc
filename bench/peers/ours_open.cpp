// An open loop of ours: this thread begins calls when they are due, whether or not others have
// ended, and the loop's thread takes their answers. What a call took is counted from when it was
// meant to begin.
#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "ours.hpp"

namespace callerapi::bench {
namespace {

void sleep_until(TimePoint due) {
  const auto ns = due.time_since_epoch().count();
  const timespec at{ns / 1'000'000'000, ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

void open_loop(Caller& caller, const Task& task, Meter& meter, std::uint64_t calls) {
  const Schedule schedule(task);
  std::atomic<std::uint64_t> ended{0};
  for (std::uint64_t i = 0; i < calls; ++i) {
    const TimePoint due = schedule.of(i);
    if (due > clock_now()) sleep_until(due);
    caller.start_request("plain", "GET", task.target).then([&, due](Result<Response> answer) {
      count(meter, answer, due);
      ended.fetch_add(1, std::memory_order_release);
    });
  }
  while (ended.load(std::memory_order_acquire) < calls)
    sleep_until(clock_now() + Duration(1'000'000));
}

}  // namespace
}  // namespace callerapi::bench

int main(int argc, char** argv) {
  using namespace callerapi::bench;
  const Task task = task_of(argc, argv);
  Meter meter(task);
  callerapi::Caller caller = open_ours(task);
  return meter.run([&](std::uint64_t calls) { open_loop(caller, task, meter, calls); });
}
