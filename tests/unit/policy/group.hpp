#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "policy/balance.hpp"

namespace callerapi::policy {

/// Some instances of a service, in virtual time.
class Group {
 public:
  explicit Group(std::size_t count, std::vector<double> weights = {},
                 std::vector<std::uint16_t> priorities = {}) {
    std::vector<Contender> all;
    for (std::size_t i = 0; i < count; ++i) {
      healths_.push_back(std::make_unique<InstanceHealth>(now));
      all.push_back({.health = healths_.back().get(),
                     .weight = i < weights.size() ? weights[i] : 1.0,
                     .priority = i < priorities.size() ? priorities[i] : std::uint16_t{0}});
    }
    balancer_ = std::make_unique<Balancer>(std::move(all));
  }

  InstanceHealth& operator[](std::size_t i) { return *healths_[i]; }
  std::size_t pick(const Tried& tried = {}) {
    return balancer_->pick(ejector, settings, tried, now, random.next(), choice).value();
  }
  /// How often each of them is chosen in so many picks.
  std::vector<int> picks(int count) {
    std::vector<int> of(healths_.size());
    for (int i = 0; i < count; ++i) ++of[pick()];
    return of;
  }
  void note(std::size_t i, base::Verdict verdict, int times = 1) {
    for (int n = 0; n < times; ++n)
      ejector.note(balancer_->all(), i, verdict, settings.ejection, now, random.next());
  }
  void succeed(std::size_t i, int times = 1) { note(i, base::Verdict::success, times); }
  void fail(std::size_t i, int times = 1) { note(i, base::Verdict::failure, times); }
  void keep_out(std::size_t i, TimePoint until) {
    ejector.keep_out(balancer_->all(), *healths_[i], settings.ejection, until, now);
  }
  bool ejected(std::size_t i) const { return healths_[i]->ejected_until() > now; }
  int ejected() const {
    int count = 0;
    for (std::size_t i = 0; i < healths_.size(); ++i) count += ejected(i) ? 1 : 0;
    return count;
  }

  TimePoint now = TimePoint(std::chrono::hours(1));
  Settings settings;
  Ejector ejector;
  Choice choice;  ///< Of the last pick().
  base::Random random{7};

 private:
  std::vector<std::unique_ptr<InstanceHealth>> healths_;
  std::unique_ptr<Balancer> balancer_;
};

}  // namespace callerapi::policy
