#include "pool/family.hpp"

#include <utility>

#include "callerapi/deadline.hpp"
#include "pool/origin.hpp"

namespace callerapi::pool {

void Family::list(Origin& origin) {
  base::Lock lock(mutex_);
  listed_.insert(&origin);
}

void Family::leave(Origin& origin) {
  base::Lock lock(mutex_);
  listed_.erase(&origin);
}

std::vector<std::shared_ptr<Origin>> Family::listed() {
  base::Lock lock(mutex_);
  std::vector<std::shared_ptr<Origin>> out;
  for (Origin* origin : listed_)
    if (auto alive = origin->weak_from_this().lock()) out.push_back(std::move(alive));
  return out;
}

std::size_t Family::sweep() {
  // Connections are closed outside the lock, which threads take that give one back.
  const auto all = listed();
  for (const auto& origin : all) {
    if (origin->sweep()) continue;
    base::Lock lock(mutex_);
    if (origin->unlist()) listed_.erase(origin.get());
  }
  return all.size();
}

bool Family::close_longest_idle() {
  counters.starved.fetch_add(1, std::memory_order_relaxed);
  // Under the lock no origin can go. A connection may be taken between the look and the close: then
  // the next that rests longest goes, and where none is left, nothing is lost.
  base::Lock lock(mutex_);
  for (;;) {
    Origin* richest = nullptr;
    TimePoint longest = TimePoint::max();
    for (Origin* origin : listed_) {
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
