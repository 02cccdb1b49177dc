#include "pool/quota.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "pool/origin.hpp"

namespace callerapi::pool {

void Quota::join(Origin& origin) {
  base::Lock lock(mutex_);
  origins_.insert(&origin);
  members_ = static_cast<int>(origins_.size());
}

void Quota::leave(Origin& origin) {
  base::Lock lock(mutex_);
  origins_.erase(&origin);
  std::erase_if(waiting_, [&](const Waiting& one) { return one.origin == &origin; });
  hungry_ = static_cast<int>(waiting_.size());
  members_ = static_cast<int>(origins_.size());
}

bool Quota::take_one(int max) noexcept {
  int now = taken_.load();
  while (now < max)
    if (taken_.compare_exchange_weak(now, now + 1)) return true;
  return false;
}

bool Quota::take(int max, Origin& by) {
  // Not past those who wait: whatever is free by now is about to be theirs.
  if (!hungry()) {
    do {
      if (take_one(max)) return true;
    } while (close_longest_idle());
  }
  if (!queue(by)) return false;
  // One may have been released, or come to rest, before it could be seen that somebody waits.
  do {
    if (take_one(max)) {
      unqueue(by);
      return true;
    }
  } while (close_longest_idle());
  return false;
}

bool Quota::others_wait(const Origin& origin) const {
  base::Lock lock(mutex_);
  return std::ranges::any_of(waiting_, [&](const Waiting& one) { return one.origin != &origin; });
}

/// Was nobody in it before?
bool Quota::queue(Origin& origin) {
  base::Lock lock(mutex_);
  const bool first = waiting_.empty();
  const auto same = [&](const Waiting& one) { return one.origin == &origin; };
  if (std::ranges::none_of(waiting_, same)) waiting_.push_back({&origin, origin.weak_from_this()});
  hungry_ = static_cast<int>(waiting_.size());
  return first;
}

void Quota::unqueue(const Origin& origin) {
  base::Lock lock(mutex_);
  std::erase_if(waiting_, [&](const Waiting& one) { return one.origin == &origin; });
  hungry_ = static_cast<int>(waiting_.size());
}

bool Quota::release() noexcept {
  taken_.fetch_sub(1);
  return hungry();
}

void Quota::feed() {
  std::vector<std::shared_ptr<Origin>> waiting;
  {
    base::Lock lock(mutex_);
    for (const auto& one : std::exchange(waiting_, {}))
      if (auto alive = one.alive.lock()) waiting.push_back(std::move(alive));
    hungry_ = 0;
  }
  std::stable_partition(waiting.begin(), waiting.end(),
                        [](const auto& one) { return one->below_part(); });
  for (const auto& origin : waiting) origin->serve();
}

int Quota::part_of(int max) const noexcept {
  const int members = std::max(1, members_.load(std::memory_order_relaxed));
  return std::max(1, (max + members - 1) / members);
}

bool Quota::close_longest_idle() {
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
    if (richest->evict_one()) return true;
  }
}

}  // namespace callerapi::pool
