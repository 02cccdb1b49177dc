#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <unordered_set>

#include "base/mutex.hpp"

namespace callerapi::pool {

class Origin;

/// How many connections one service may have to all its instances together, those being opened
/// included. An origin that finds none left closes one that rests elsewhere, or waits here until
/// one is closed; those who have more than an even part give one up for those who wait.
/// Thread-safe; of one loop's origins.
class Quota {
 public:
  /// One more of at most `max`; false: `by` waits from now on, and serves its waiters again when
  /// there is one.
  bool take(int max, Origin& by);
  /// One less. True: somebody waits, so that feed() is due.
  bool release() noexcept;
  bool hungry() const noexcept { return hungry_.load() > 0; }
  /// Does anybody but `origin` wait?
  bool others_wait(const Origin& origin) const;
  /// Lets those who wait try again, those with less than their part first, else in their order. On
  /// the loop's thread, outside of any origin.
  void feed();

  int taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  /// What of `max` an origin may keep while others wait, at least one.
  int part_of(int max) const noexcept;

 private:
  friend class Origin;
  void join(Origin& origin);
  void leave(Origin& origin);
  bool take_one(int max) noexcept;
  bool close_longest_idle();
  bool queue(Origin& origin);
  void unqueue(const Origin& origin);

  // In one order for all threads: who finds none left and then counts as waiting is seen by whoever
  // releases one after that look.
  std::atomic<int> taken_{0}, hungry_{0};
  std::atomic<int> members_{0};  ///< Size of origins_, for part_of().
  mutable base::Mutex mutex_;    ///< Taken before that of an origin.
  std::unordered_set<Origin*> origins_ CALLERAPI_GUARDED_BY(mutex_);
  struct Waiting {
    const Origin* origin;  ///< Who it is, without keeping it.
    std::weak_ptr<Origin> alive;
  };
  std::deque<Waiting> waiting_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::pool
