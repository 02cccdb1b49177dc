#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/thread.hpp"

namespace callerapi::wire {

/// A few threads for what may block: name look-ups, streamed bodies. Starts a thread only when
/// all others are busy, up to its limit; the rest waits in order. Thread-safe.
///
/// Where the system has no thread to give, a task waits for those that are there, and if there is
/// none for the next run() or try_again() that gets one.
class Workers {
 public:
  /// `start` is for tests.
  explicit Workers(std::size_t threads_max, base::ThreadStarter start = &base::start_thread);
  /// Runs what is queued, then joins.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// True: a thread is free for it. False: it may have to wait.
  bool run(std::function<void()> task);
  /// To be called now and then: whoever waits for a thread that could not be started may get it.
  void try_again() noexcept;
  /// In a forked child the threads do not exist: gives everything up without joining.
  void abandon() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::wire
