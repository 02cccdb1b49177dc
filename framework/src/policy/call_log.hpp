#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/explain.hpp"

namespace callerapi::policy {

/// The last records of one Caller. Thread-safe; calls that succeed at once never come here. Those
/// that succeeded after all are half of it at most, once there are so many that failed: they may
/// come much oftener.
class CallLog {
 public:
  static constexpr std::size_t kept_max = 128;

  void keep(std::shared_ptr<const CallRecord> record) {
    std::shared_ptr<const CallRecord> oldest;  // freed behind the lock
    base::Lock lock(mutex_);
    if (kept_.size() == kept_max) {
      const auto goes = least_wanted();
      oldest = std::move(*goes);
      kept_.erase(goes);
    }
    kept_.push_back(std::move(record));
  }
  /// Oldest first.
  std::vector<std::shared_ptr<const CallRecord>> all() const {
    base::Lock lock(mutex_);
    return {kept_.begin(), kept_.end()};
  }

 private:
  using Kept = std::deque<std::shared_ptr<const CallRecord>>;

  Kept::iterator least_wanted() CALLERAPI_REQUIRES(mutex_) {
    const auto good = [](const auto& one) { return one->outcome == Outcome::ok; };
    const auto many = static_cast<std::size_t>(std::ranges::count_if(kept_, good));
    return many > kept_max / 2 ? std::ranges::find_if(kept_, good) : kept_.begin();
  }

  mutable base::Mutex mutex_;
  Kept kept_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::policy
