#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace callerapi::wire {

/// A few threads for what may block: name look-ups, streamed bodies. Starts a thread only when
/// all others are busy, up to its limit; the rest waits in order. Thread-safe.
class Workers {
 public:
  explicit Workers(std::size_t threads_max);
  /// Runs what is queued, then joins.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void run(std::function<void()> task);
  /// In a forked child the threads do not exist: gives everything up without joining.
  void abandon() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::wire
