#pragma once

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/stats.hpp"

namespace callerapi::caller {

/// The last reloads, the latest last. Thread-safe: read while the next reload is under way.
class History {
 public:
  static constexpr std::size_t kept_max = 20;

  void add(ReloadRecord record) {
    base::Lock lock(mutex_);
    if (records_.size() == kept_max) records_.pop_front();
    records_.push_back(std::move(record));
  }
  std::vector<ReloadRecord> all() const {
    base::Lock lock(mutex_);
    return {records_.begin(), records_.end()};
  }

 private:
  mutable base::Mutex mutex_;
  std::deque<ReloadRecord> records_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::caller
