#include "host/limited.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/futex.hpp"
#include "base/signals.hpp"

namespace callerapi::host {

Limited run_limited(Duration limit, std::function<void()> task) {
  const TimePoint until = std::chrono::steady_clock::now() + limit;
  auto done = std::make_shared<std::atomic<std::uint32_t>>(0);
  try {
    const base::SignalsBlocked around_the_start;
    std::thread([done, task = std::move(task)]() mutable {
      task();
      task = nullptr;  // what it holds goes before anybody is told
      *done = 1;
      base::futex_wake_all(*done);
    }).detach();
  } catch (const std::system_error&) {
    return Limited::not_started;
  }
  while (done->load() == 0 && std::chrono::steady_clock::now() < until)
    base::futex_wait_until(*done, 0, until);
  return done->load() != 0 ? Limited::returned : Limited::late;
}

}  // namespace callerapi::host
