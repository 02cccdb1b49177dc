#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "callerapi/export.hpp"

namespace callerapi {

/// Runs completions where the embedder wants them. Thread-safe; outlives the Caller that uses it.
class CALLERAPI_API Executor {
 public:
  using Task = std::function<void()>;
  virtual ~Executor();
  /// Runs `task` once, soon, on whichever thread it decides. Must not throw, must not block; what a
  /// task throws is the executor's to handle.
  virtual void post(Task task) = 0;

  /// On the thread that finished the call, usually the reactor: the task must not block. There is
  /// one of them.
  static std::shared_ptr<Executor> inline_executor();
  /// On `threads` (1 to 64) threads of its own, or as many as the system gives; if it gives none,
  /// where they are posted. Its destructor runs what is queued and joins.
  static std::shared_ptr<Executor> pool(std::size_t threads);
};

/// Completions for an event loop of the embedder's: poll fd() for reading in epoll, asio or libuv
/// and call drain() when it is ready. post() is thread-safe; drain() is for one thread.
class CALLERAPI_API CompletionQueue : public Executor {
 public:
  CompletionQueue();
  ~CompletionQueue() override;
  CompletionQueue(const CompletionQueue&) = delete;
  CompletionQueue& operator=(const CompletionQueue&) = delete;

  /// Queues it for drain(). What waits when the queue is destroyed is dropped.
  void post(Task task) override;
  /// Readable while tasks wait. Owned by the queue; do not read from it.
  int fd() const noexcept;
  /// Runs at most `max` waiting tasks on this thread; answers how many ran.
  std::size_t drain(std::size_t max = 64);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi
