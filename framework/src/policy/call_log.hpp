#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/explain.hpp"

namespace callerapi::policy {

/// The last records of one Caller. Thread-safe; calls that succeed at once never come here.
class CallLog {
 public:
  static constexpr std::size_t kept_max = 128;

  void keep(std::shared_ptr<const CallRecord> record) {
    std::shared_ptr<const CallRecord> oldest;  // freed behind the lock
    base::Lock lock(mutex_);
    if (kept_.size() == kept_max) {
      oldest = std::move(kept_.front());
      kept_.pop_front();
    }
    kept_.push_back(std::move(record));
  }
  /// Oldest first.
  std::vector<std::shared_ptr<const CallRecord>> all() const {
    base::Lock lock(mutex_);
    return {kept_.begin(), kept_.end()};
  }

 private:
  mutable base::Mutex mutex_;
  std::deque<std::shared_ptr<const CallRecord>> kept_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::policy
