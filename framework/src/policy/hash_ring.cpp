#include "policy/hash_ring.hpp"

#include "base/hash.hpp"

namespace callerapi::policy {
namespace {

constexpr std::size_t points_of_heaviest = 1024;
// Two megabytes. A set that would need more has fewer points for each, half as many as often as it
// takes, so that the number does not change with every instance.
constexpr std::size_t points_max = std::size_t{1} << 18;

}  // namespace

HashRing::HashRing(std::span<const Contender> all) {
  if (all.size() > index_mask) return;
  double heaviest = 0, weights = 0;
  for (const Contender& one : all) {
    heaviest = std::max(heaviest, one.weight);
    weights += one.weight;
  }
  auto most = static_cast<double>(points_of_heaviest);
  while (most > 1 && most * weights / heaviest > static_cast<double>(points_max)) most /= 2;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto count = static_cast<std::size_t>(std::max(1.0, most * all[i].weight / heaviest));
    base::Random places(base::hash_of(all[i].name));
    for (std::size_t n = 0; n < count; ++n)
      points_.push_back((places.next() & ~index_mask) | static_cast<std::uint64_t>(i));
  }
  std::ranges::sort(points_);
}

}  // namespace callerapi::policy
