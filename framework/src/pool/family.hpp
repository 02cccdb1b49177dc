#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/histogram.hpp"
#include "base/mutex.hpp"

namespace callerapi::pool {

class Origin;

/// Counts of every origin of one Caller. Relaxed: for people, not for decisions.
struct Counters {
  std::atomic<std::uint64_t> opened{0}, reused{0}, open{0};
  /// Connects that found no file descriptor, and idle connections that were closed for them.
  std::atomic<std::uint64_t> starved{0}, sacrificed{0};
  base::Ages ages;  ///< Of connections when they were closed.
};

/// The origins of one Caller. They share nothing but their counts and the file descriptors of the
/// process. Thread-safe.
class Family {
 public:
  Counters counters;

  /// Gives up the connection that has rested longest, of whichever origin, for one that is needed
  /// now; false: none rests.
  bool close_longest_idle();

  /// Closes idle connections past their time, of those origins alone that may have any: ten
  /// thousand services that nobody calls cost nothing. Answers how many were looked at. On the
  /// loop's thread.
  std::size_t sweep();

 private:
  friend class Origin;
  /// A connection has begun to rest in an origin that was not listed.
  void list(Origin& origin);
  void leave(Origin& origin);
  std::vector<std::shared_ptr<Origin>> listed();

  base::Mutex mutex_;  ///< Taken before that of an origin.
  /// All that have connections, and some that have no more.
  std::unordered_set<Origin*> listed_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::pool
