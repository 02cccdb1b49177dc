#include "host/limited.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/futex.hpp"

namespace callerapi::host {

bool run_limited(Duration limit, std::function<void()> task) {
  const TimePoint until = std::chrono::steady_clock::now() + limit;
  auto done = std::make_shared<std::atomic<std::uint32_t>>(0);
  // The host's signals are the host's: this thread takes none.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = true;
  try {
    std::thread([done, task = std::move(task)]() mutable {
      task();
      task = nullptr;  // what it holds goes before anybody is told
      *done = 1;
      base::futex_wake_all(*done);
    }).detach();
  } catch (const std::system_error&) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  while (started && done->load() == 0 && std::chrono::steady_clock::now() < until)
    base::futex_wait_until(*done, 0, until);
  return done->load() != 0;
}

}  // namespace callerapi::host
