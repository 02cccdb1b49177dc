#include "wire/name_cache.hpp"

#include <algorithm>
#include <utility>

#include "base/limits.hpp"

namespace callerapi::wire {

bool NameCache::usable(const Entry& entry, TimePoint now) noexcept {
  return !entry.addresses.empty() && now < entry.usable_until && entry.absent_in_a_row < 2;
}

std::optional<NameCache::Answer> NameCache::fresh(const std::string& name, TimePoint now) const {
  const auto found = entries_.find(name);
  if (found == entries_.end() || now >= found->second.holds_until) return std::nullopt;
  if (found->second.error) return Answer(*found->second.error);
  return Answer(found->second.addresses);
}

bool NameCache::has_stale(const std::string& name, TimePoint now) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && usable(found->second, now);
}

NameCache::Answer NameCache::hold(const std::string& name, TimePoint now) {
  Entry& entry = entries_.at(name);
  entry.holds_until = now + name_ttl_min;
  entry.error.reset();
  return entry.addresses;
}

NameCache::Answer NameCache::store(const std::string& name, Result<Found> found, TimePoint now) {
  if (!entries_.contains(name)) make_room(now);
  Entry& entry = entries_[name];
  if (found) {
    entry = {.addresses = std::move(found->addresses),
             .holds_until = now + std::clamp(found->ttl, name_ttl_min, name_ttl_max),
             .usable_until = {},
             .absent_in_a_row = 0,
             .error = {}};
    entry.usable_until = entry.holds_until + name_stale_max;
    return entry.addresses;
  }
  Error& why = found.error();
  if (why.reason == "not_found" || why.reason == "no_address") ++entry.absent_in_a_row;
  if (usable(entry, now)) return hold(name, now);
  entry.addresses.clear();
  entry.holds_until = now + name_ttl_min;
  entry.error = std::move(why);
  return *entry.error;
}

/// Out goes what nobody can use any more, else what was asked for longest ago.
void NameCache::make_room(TimePoint now) {
  if (entries_.size() < base::limits::names_max) return;
  std::erase_if(entries_, [&](const auto& entry) {
    return now >= entry.second.holds_until && !usable(entry.second, now);
  });
  if (entries_.size() < base::limits::names_max) return;
  entries_.erase(std::ranges::min_element(
      entries_, {}, [](const auto& entry) { return entry.second.holds_until; }));
}

}  // namespace callerapi::wire
