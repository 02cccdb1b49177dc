#include "policy/ejection.hpp"

#include <algorithm>
#include <chrono>

#include "base/random.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr Duration sweep_every = 10s;
constexpr std::uint32_t sweep_attempts_min = 50;
constexpr std::uint64_t sweep_failing = 850, others_sound = 500;  // per mille
constexpr Duration spread = 1s;

std::uint64_t failing(InstanceHealth::Window window) {
  return window.attempts == 0 ? 0 : std::uint64_t{window.failures} * 1000 / window.attempts;
}

/// How many of so many may be out at once.
std::size_t most(std::size_t count, int percent) {
  return std::max<std::size_t>(1, count * static_cast<std::size_t>(percent) / 100);
}

}  // namespace

void Ejector::note(std::span<const Contender> all, std::size_t at, base::Verdict verdict,
                   const Ejection& settings, TimePoint now, std::uint64_t random) {
  if (settings.mode == EjectionMode::off || all.size() < 2) return;
  InstanceHealth& health = *all[at].health;
  if (verdict == base::Verdict::success) health.succeeded();
  const bool enough =
      verdict == base::Verdict::failure && health.failed() >= settings.consecutive_failures;
  const Duration::rep due = next_sweep_.load(std::memory_order_relaxed);
  const bool sweeps = now.time_since_epoch().count() >= due;
  if (!enough && !sweeps) return;
  base::Lock lock(mutex_);
  if (enough) eject(all, health, settings, now, random);
  if (!sweeps || next_sweep_.load(std::memory_order_relaxed) != due) return;
  const TimePoint next = now + sweep_every;
  next_sweep_.store(next.time_since_epoch().count(), std::memory_order_relaxed);
  if (due != 0) sweep(all, settings, now, random);
}

void Ejector::sweep(std::span<const Contender> all, const Ejection& settings, TimePoint now,
                    std::uint64_t random) {
  std::uint64_t sum = 0, asked = 0;
  for (const Contender& one : all) {
    const auto window = one.health->window();
    if (window.attempts == 0) continue;
    sum += failing(window);
    ++asked;
  }
  for (const Contender& one : all) {
    const auto window = one.health->window();
    const bool seen = window.attempts > 0;
    const std::uint64_t others = asked - (seen ? 1 : 0);
    const bool outlier = window.attempts >= sweep_attempts_min &&
                         failing(window) >= sweep_failing &&
                         sum - failing(window) < others_sound * std::max<std::uint64_t>(1, others);
    if (outlier)
      eject(all, *one.health, settings, now, random);
    else if (window.failures == 0 && one.health->ejected_until() <= now)
      one.health->forgive();
  }
  for (const Contender& one : all) one.health->reset_window();
}

void Ejector::eject(std::span<const Contender> all, InstanceHealth& health,
                    const Ejection& settings, TimePoint now, std::uint64_t random) {
  if (health.ejected_until() > now) return;
  if (!has_room(all, settings, now)) return;
  const auto more = base::Random(random).below(static_cast<std::uint64_t>(spread.count()));
  health.eject(settings.base, settings.max, Duration(static_cast<Duration::rep>(more)), now);
  ejections_.fetch_add(1, std::memory_order_relaxed);
  trouble(health.ejected_until());
}

/// May one more be ejected?
bool Ejector::has_room(std::span<const Contender> all, const Ejection& settings, TimePoint now) {
  const auto out = std::ranges::count_if(
      all, [&](const Contender& one) { return one.health->ejected_until() > now; });
  return static_cast<std::size_t>(out) < most(all.size(), settings.max_percent);
}

void Ejector::keep_out(std::span<const Contender> all, InstanceHealth& health,
                       const Ejection& settings, TimePoint until, TimePoint now) {
  if (settings.mode == EjectionMode::off || all.size() < 2) return;
  base::Lock lock(mutex_);
  const bool out = health.ejected_until() > now;
  if (!out && !has_room(all, settings, now)) return;
  if (!out) ejections_.fetch_add(1, std::memory_order_relaxed);
  health.keep_out(until);
  trouble(until);
}

void Ejector::let_in(InstanceHealth& health, TimePoint now) {
  base::Lock lock(mutex_);
  if (health.ejected_until() > now) health.let_in(now);
}

void Ejector::cool(InstanceHealth& health, Duration asked, TimePoint now) noexcept {
  health.cool(asked, now);
  trouble(health.cooling_until());
}

void Ejector::trouble(TimePoint until) noexcept {
  const Duration::rep end = until.time_since_epoch().count();
  Duration::rep seen = troubled_until_.load(std::memory_order_relaxed);
  while (seen < end &&
         !troubled_until_.compare_exchange_weak(seen, end, std::memory_order_relaxed)) {
  }
}

}  // namespace callerapi::policy
