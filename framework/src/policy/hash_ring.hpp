#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "policy/ejection.hpp"

namespace callerapi::policy {

/// Consistent hashing (semantics S9): each instance has points on a circle, made of its name alone,
/// 1024 for the heaviest of a set and for the others in proportion. A key belongs to the instance
/// of the next point. So every process finds the same one, and a set that gains or loses an
/// instance moves only the keys of that one. Immutable: written out once for a set.
class HashRing {
 public:
  /// No ring: nothing is found.
  HashRing() = default;
  /// What is named in `all` is needed here alone.
  explicit HashRing(std::span<const Contender> all);

  bool empty() const noexcept { return points_.empty(); }
  std::size_t size() const noexcept { return points_.size(); }

  /// Goes along the points from that of the key until `takes` says yes to an instance; it may be
  /// asked again about one that it refused. Nothing: it took none of any 16 points an instance,
  /// among which all are but for one case in ten millions. Neither locks nor allocates.
  template <class Takes>
  std::optional<std::size_t> find(std::uint64_t key, std::size_t instances,
                                  const Takes& takes) const {
    auto at = std::lower_bound(points_.begin(), points_.end(), key & ~index_mask);
    for (std::size_t left = std::min(points_.size(), 16 * instances); left > 0; --left) {
      if (at == points_.end()) at = points_.begin();
      const auto index = static_cast<std::size_t>(*at++ & index_mask);
      if (takes(index)) return index;
    }
    return {};
  }

 private:
  // A point is its place, and in the low bits whose it is.
  static constexpr std::uint64_t index_mask = (1u << 20) - 1;

  std::vector<std::uint64_t> points_;  ///< Sorted.
};

}  // namespace callerapi::policy
