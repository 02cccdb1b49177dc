#include "ours.hpp"

#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace callerapi::bench {
namespace {

void sleep_until(TimePoint due) {
  const auto ns = due.time_since_epoch().count();
  const timespec at{ns / 1'000'000'000, ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

}  // namespace

Caller open_ours(const Task& task) {
  Options options;
  options.watch = false;
  options.executor = Executor::inline_executor();
  auto caller = Caller::open(task.registry, std::move(options));
  if (caller) return std::move(*caller);
  std::fprintf(stderr, "%s\n", caller.error().message.c_str());
  std::exit(2);
}

void count(Meter& meter, const Result<Response>& answer, TimePoint began) {
  if (!answer) return meter.failed(answer.error().message.c_str());
  meter.ended(answer->status, answer->body.size(), began);
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

}  // namespace callerapi::bench
