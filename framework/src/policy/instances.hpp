#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/balance.hpp"
#include "policy/instance_health.hpp"
#include "pool/origin.hpp"

namespace callerapi::policy {

/// One place where a service runs. Pool and health are shared by the sets it stands in one after
/// the other, so that what is known of it outlives a change of the others. Thread-safe.
struct Instance {
  std::string name;  ///< "10.0.0.7:8080", for people.
  double weight = 1;
  std::uint16_t priority = 0;  ///< As Contender has it.
  std::shared_ptr<pool::Origin> origin;
  std::shared_ptr<InstanceHealth> health;

  /// "ok", "ejected" or "cooling".
  std::string_view state(TimePoint now) const noexcept {
    if (health->ejected_until() > now) return "ejected";
    return health->cooling_until() > now ? "cooling" : "ok";
  }
};

/// Where the calls of a service may go. Immutable; another set replaces it. Empty only where a
/// source of instances has never named one.
class InstanceSet {
 public:
  /// `balance`: how it will be chosen among them, as far as that needs something written out.
  explicit InstanceSet(std::vector<std::shared_ptr<Instance>> all,
                       BalancePolicy balance = BalancePolicy::p2c_ewma)
      : all_(std::move(all)), balancer_(contenders(all_), ring_of(balance)) {}

  std::span<const std::shared_ptr<Instance>> all() const noexcept { return all_; }
  bool suits(BalancePolicy balance) const noexcept {
    return balancer_.has_ring() == (ring_of(balance) == Balancer::Ring::built && !all_.empty());
  }
  const Balancer& balancer() const noexcept { return balancer_; }
  /// Does the pool of that instance serve this set as well?
  bool shares_pool(const Instance& one) const noexcept {
    return std::ranges::any_of(all_,
                               [&](const auto& known) { return known->origin == one.origin; });
  }
  /// Behind the last when it is none of this set.
  std::size_t index_of(const Instance& one) const noexcept {
    const auto found =
        std::ranges::find_if(all_, [&](const auto& known) { return known.get() == &one; });
    return static_cast<std::size_t>(found - all_.begin());
  }
  /// Null when none of the set has that name.
  std::shared_ptr<Instance> find(std::string_view name) const noexcept {
    const auto found =
        std::ranges::find_if(all_, [&](const auto& one) { return one->name == name; });
    return found == all_.end() ? nullptr : *found;
  }

 private:
  static constexpr Balancer::Ring ring_of(BalancePolicy balance) noexcept {
    return balance == BalancePolicy::ring_hash ? Balancer::Ring::built : Balancer::Ring::none;
  }
  static std::vector<Contender> contenders(const std::vector<std::shared_ptr<Instance>>& all) {
    std::vector<Contender> contenders;
    contenders.reserve(all.size());
    for (const auto& one : all)
      contenders.push_back({one->health.get(), one->weight, one->name,
                            one->origin ? one->origin->settings().connections_max : 0,
                            one->priority});
    return contenders;
  }

  std::vector<std::shared_ptr<Instance>> all_;
  Balancer balancer_;
};

}  // namespace callerapi::policy
