#include "pool/family.hpp"

#include "callerapi/deadline.hpp"
#include "pool/origin.hpp"

namespace callerapi::pool {

void Family::join(Origin& origin) {
  base::Lock lock(mutex_);
  origins_.insert(&origin);
}

void Family::leave(Origin& origin) {
  base::Lock lock(mutex_);
  origins_.erase(&origin);
}

bool Family::close_longest_idle() {
  counters.starved.fetch_add(1, std::memory_order_relaxed);
  // Under the lock no origin can go. A connection may be taken between the look and the close: then
  // the next that rests longest goes, and where none is left, nothing is lost.
  base::Lock lock(mutex_);
  for (;;) {
    Origin* richest = nullptr;
    TimePoint longest = TimePoint::max();
    for (Origin* origin : origins_) {
      if (const TimePoint since = origin->idle_since(); since < longest) {
        longest = since;
        richest = origin;
      }
    }
    if (richest == nullptr) return false;
    if (!richest->evict_one()) continue;
    counters.sacrificed.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
}

}  // namespace callerapi::pool
