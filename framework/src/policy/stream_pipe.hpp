#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/mutex.hpp"
#include "callerapi/result.hpp"

namespace callerapi::policy {

/// Between the loop that reads a streamed body and whoever consumes it. Bounded: what lies here is
/// not read from the connection again before it was taken. Thread-safe; one consumer at a time.
class StreamPipe {
 public:
  /// Tells the driver that there is room again, or that the consumer is gone. Called under the
  /// pipe's lock: must only post.
  using Wake = std::function<void()>;

  // The driver's side, on the loop.
  /// The head is there and a body follows. False: the consumer has gone already.
  bool begin(Wake wake);
  /// False: rest; Wake comes when there is room.
  bool room();
  void put(std::string bytes);
  /// No more bytes; `why`: what went wrong. The driver is not woken any more.
  void end(std::optional<Error> why);
  bool stopped() const;

  // The consumer's side.
  bool begun() const;
  /// Blocks until there are bytes; 0 at the end, the error every time after it.
  Result<std::size_t> read(std::span<char> into);
  /// Everything that lies here, without blocking; empty at the end.
  Result<std::string> take();
  /// Runs `f` once when take() has something to say: now, or on the loop.
  void when_ready(std::function<void()> f);
  /// Would read() answer without waiting?
  bool ready() const;
  /// The consumer wants no more: what waits is dropped and the connection is closed.
  void stop(Error why);

 private:
  bool has_news() const CALLERAPI_REQUIRES(mutex_);
  void make_room() CALLERAPI_REQUIRES(mutex_);
  void tell();

  mutable base::Mutex mutex_;
  std::string bytes_ CALLERAPI_GUARDED_BY(mutex_);
  std::size_t at_ CALLERAPI_GUARDED_BY(mutex_) = 0;  ///< What is before has been read.
  bool begun_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool resting_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool ended_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool stopped_ CALLERAPI_GUARDED_BY(mutex_) = false;
  std::optional<Error> why_ CALLERAPI_GUARDED_BY(mutex_);
  Wake wake_ CALLERAPI_GUARDED_BY(mutex_);
  std::function<void()> waiting_ CALLERAPI_GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> news_{0};  ///< Counts up, for the futex.
};

}  // namespace callerapi::policy
