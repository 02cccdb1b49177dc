#include "policy/balance.hpp"

#include <numeric>
#include <set>
#include <utility>

#include "base/random.hpp"

namespace callerapi::policy {
namespace {

// Seconds. What nobody has asked for long is as quick as anything; 0 means that it was not looked
// at.
constexpr float least_latency = 1e-9F;

/// What is overlooked, one thing more each time that nobody is left.
enum class Mercy : std::uint8_t { none, tried, cooling, all };

/// Those of the set that may be chosen this time.
class Field {
 public:
  /// `ranks`: the priorities there are, in order.
  Field(std::span<const Contender> all, std::span<const std::uint16_t> ranks, const Tried& tried,
        TimePoint now)
      : all_(all), ranks_(ranks), tried_(tried), now_(now), count_(all.size()) {}

  /// Looks at each; answers whether ejections had to be ignored, for less than half would be left.
  bool narrow(const Ejector& ejector, const Ejection& ejection, Choice& choice) {
    if (ranks_.size() == 1 && tried_.empty() && ejector.calm(now_)) return false;
    note_who_is_out(choice);
    everyone_ = false;
    ejections_ = ejection.mode == EjectionMode::on;
    const bool panic = ejections_ && 2 * count_if(Mercy::cooling) < all_.size();
    if (panic) ejections_ = false;
    for (Mercy m : {Mercy::none, Mercy::tried, Mercy::cooling, Mercy::all})
      for (const std::uint16_t rank : ranks_) {
        rank_ = rank;
        if (count_ = count_if(mercy_ = m); count_ > 0) return panic;
      }
    return panic;
  }

  bool has(std::size_t i) const { return everyone_ || fits(i, mercy_); }
  std::size_t count() const { return count_; }
  /// Other threads eject and cool: where fewer are left than were counted, the last of them; the
  /// first of all where none is.
  std::size_t at(std::size_t nth) const {
    if (everyone_) return nth;
    std::size_t last = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (!has(i)) continue;
      last = i;
      if (nth-- == 0) break;
    }
    return last;
  }

 private:
  bool fits(std::size_t i, Mercy mercy) const {
    const InstanceHealth& health = *all_[i].health;
    return (rank_ < 0 || rank_ == all_[i].priority) &&
           (mercy >= Mercy::all || !ejections_ || health.ejected_until() <= now_) &&
           (mercy >= Mercy::cooling || health.cooling_until() <= now_) &&
           (mercy >= Mercy::tried || !tried_.contains(i));
  }
  void note_who_is_out(Choice& choice) const {
    for (std::size_t i = 0; i < std::min<std::size_t>(all_.size(), 32); ++i) {
      if (all_[i].health->ejected_until() > now_) choice.ejected |= 1u << i;
      if (all_[i].health->cooling_until() > now_) choice.cooling |= 1u << i;
    }
  }
  std::size_t count_if(Mercy mercy) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) count += fits(i, mercy) ? 1 : 0;
    return count;
  }

  const std::span<const Contender> all_;
  const std::span<const std::uint16_t> ranks_;
  const Tried& tried_;
  const TimePoint now_;
  std::size_t count_;
  bool everyone_ = true, ejections_ = false;
  Mercy mercy_ = Mercy::none;
  int rank_ = -1;  ///< Negative: whatever it is.
};

/// The cheaper of two that are not the same; of equals the one drawn first, which is either.
template <class Look>
std::size_t cheaper_of_two(const Field& field, base::Random& random, const Look& look,
                           Choice& choice) {
  const std::size_t a = random.below(field.count());
  choice.drawn[0] = look(field.at(a));
  choice.drawn_count = 1;
  if (field.count() == 1) return choice.drawn[0].index;
  std::size_t b = random.below(field.count() - 1);
  if (b >= a) ++b;
  choice.drawn[1] = look(field.at(b));
  choice.drawn_count = 2;
  const bool second = Choice::cost(choice.drawn[1]) < Choice::cost(choice.drawn[0]);
  return choice.drawn[second ? 1 : 0].index;
}

void mark(std::uint32_t& bits, std::size_t i) { bits |= i < 32 ? 1u << i : 0; }

/// The instance that the key belongs to. One that is back from an ejection gets its keys again bit
/// by bit, always the same ones first; one whose connections are all in use gets none, unless those
/// of all are.
template <class Ramp>
std::size_t by_key(const HashRing& ring, std::uint64_t key, std::span<const Contender> all,
                   const Field& field, const Ramp& ramp, Choice& choice) {
  constexpr std::uint64_t mille = 1000;
  const auto place = static_cast<double>(base::Random(key).below(mille));
  std::optional<std::size_t> passed;
  const auto found = ring.find(key, all.size(), [&](std::size_t i) {
    if (!field.has(i)) return false;
    const bool returning = place >= ramp(i) * mille;
    const bool full = !returning && all[i].full();
    if (!returning && !full) return true;
    if (!passed) passed = i;
    mark(full ? choice.full : choice.returning, i);
    return false;
  });
  return found ? *found : passed.value_or(field.at(0));
}

std::vector<std::uint16_t> priorities(std::span<const Contender> all) {
  std::set<std::uint16_t> each;
  for (const Contender& one : all) each.insert(one.priority);
  return {each.begin(), each.end()};
}

}  // namespace

std::string_view name(BalancePolicy policy) noexcept {
  constexpr std::string_view names[] = {"p2c_ewma", "round_robin", "least_request", "first",
                                        "ring_hash"};
  return names[static_cast<std::size_t>(policy)];
}

Rotation::Rotation(std::span<const Contender> all) {
  const auto whole = [](const Contender& one) {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(one.weight));
  };
  std::uint32_t divisor = 0;
  for (const Contender& one : all) divisor = std::gcd(divisor, whole(one));
  // The times of an instance lie evenly in (0, 1), each instance a little later than the one
  // before.
  std::vector<std::pair<double, std::uint32_t>> times;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint32_t turns = whole(all[i]) / divisor;
    const double later = (static_cast<double>(i) + 0.5) / static_cast<double>(all.size());
    for (std::uint32_t turn = 0; turn < turns; ++turn)
      times.emplace_back((turn + later) / turns, static_cast<std::uint32_t>(i));
  }
  std::ranges::sort(times);
  for (const auto& [time, index] : times) order_.push_back(index);
}

Balancer::Balancer(std::vector<Contender> all, Ring ring)
    : all_(std::move(all)),
      ranks_(priorities(all_)),
      rotation_(all_),
      ring_(ring == Ring::built ? HashRing(all_) : HashRing()) {}

std::optional<std::size_t> Balancer::pick(Ejector& ejector, const Settings& settings,
                                          const Tried& tried, TimePoint now, std::uint64_t random,
                                          Choice& choice, std::optional<std::uint64_t> key) const {
  if (all_.empty()) return {};
  if (all_.size() == 1) return 0;
  choice = {};
  Field field(all_, ranks_, tried, now);
  choice.panic = field.narrow(ejector, settings.ejection, choice);
  if (choice.panic) ejector.panicked();
  base::Random draw(random);
  const bool ramps = settings.ejection.mode == EjectionMode::on;
  const auto ramp = [&](std::size_t i) {
    return ramps ? all_[i].health->ramp(now, settings.balance.slow_start) : 1.0;
  };
  choice.by = settings.balance.policy;
  if (choice.by == BalancePolicy::ring_hash && (!key || ring_.empty()))
    choice.by = BalancePolicy::p2c_ewma;
  const bool by_latency = choice.by == BalancePolicy::p2c_ewma;
  const auto look = [&](std::size_t i) {
    const InstanceHealth& health = *all_[i].health;
    return Choice::Drawn{
        static_cast<std::uint32_t>(i), health.in_flight(),
        by_latency ? std::max(least_latency, static_cast<float>(health.ewma(now))) : 0.0F,
        static_cast<float>(all_[i].weight * ramp(i))};
  };
  switch (choice.by) {
    case BalancePolicy::first:
      break;
    case BalancePolicy::least_request:
    case BalancePolicy::p2c_ewma:
      return cheaper_of_two(field, draw, look, choice);
    case BalancePolicy::round_robin:
      for (std::size_t turns = 2 * rotation_.size(); turns > 0; --turns) {
        const std::size_t i = rotation_.next();
        constexpr std::uint64_t mille = 1000;
        const bool lets_pass =
            ramp(i) < 1 && static_cast<double>(draw.below(mille)) >= ramp(i) * mille;
        if (field.has(i) && !lets_pass) return i;
      }
      break;
    case BalancePolicy::ring_hash:
      return by_key(ring_, *key, all_, field, ramp, choice);
  }
  return field.at(0);
}

}  // namespace callerapi::policy
