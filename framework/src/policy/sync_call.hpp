#pragma once

#include <atomic>
#include <cstdint>

#include "base/mutex.hpp"
#include "policy/call_run.hpp"

namespace callerapi::policy {

/// Lets another thread end a call that a thread drives by itself. Thread-safe.
class StopToken {
 public:
  /// The first reason stays.
  void stop(Error why);
  std::optional<Error> stopped() const;
  /// Sleeps until `until` or until stopped.
  void sleep_until(TimePoint until);

 private:
  friend class ActiveStream;
  std::atomic<std::uint32_t> word_{0};
  mutable base::Mutex mutex_;
  std::optional<Error> why_ CALLERAPI_GUARDED_BY(mutex_);
  wire::Stream* active_ CALLERAPI_GUARDED_BY(mutex_) = nullptr;
};

/// Drives one call on this thread: writes, reads and waits here. Only what must be
/// waited for elsewhere, a new connection or a place in the queue, is asked of the loop. `token`
/// may be null: then the closing of the origin ends the call.
Result<Response> run_here(CallPartsPtr parts, StopToken* token);

}  // namespace callerapi::policy
