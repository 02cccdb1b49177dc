#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_set>

#include "base/mutex.hpp"

namespace callerapi::pool {

class Origin;

/// Counts of every origin of one Caller. Relaxed: for people, not for decisions.
struct Counters {
  std::atomic<std::uint64_t> opened{0}, reused{0}, open{0};
  /// Connects that found no file descriptor, and idle connections that were closed for them.
  std::atomic<std::uint64_t> starved{0}, sacrificed{0};
};

/// The origins of one Caller. They share nothing but their counts and the file descriptors of the
/// process. Thread-safe.
class Family {
 public:
  Counters counters;

  /// Gives up the connection that has rested longest, of whichever origin, for one that is needed
  /// now; false: none rests.
  bool close_longest_idle();

 private:
  friend class Origin;
  void join(Origin& origin);
  void leave(Origin& origin);

  base::Mutex mutex_;  ///< Taken before that of an origin.
  std::unordered_set<Origin*> origins_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::pool
