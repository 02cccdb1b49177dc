#include "policy/breaker.hpp"

#include <algorithm>
#include <iterator>

#include "base/random.hpp"

namespace callerapi::policy {
namespace {

using base::Verdict;

// A permit is waited for so much longer than its attempt may take.
constexpr Duration lease_grace = 1s;
constexpr int state_bits = 2;

std::int64_t count(TimePoint at) noexcept { return at.time_since_epoch().count(); }

bool counts(BreakerMode mode) noexcept {
  return mode == BreakerMode::on || mode == BreakerMode::dark;
}

bool reaches(std::uint64_t failed, std::uint64_t total, int permille) noexcept {
  return failed * 1000 >= total * static_cast<std::uint64_t>(permille);
}

/// min(open * 2^(k-1), open_max), a fifth less or more.
Duration open_time(const BreakerTerms& terms, int k, std::uint64_t random) noexcept {
  Duration time = terms.open;
  for (int i = 1; i < k && time < terms.open_max; ++i) time *= 2;
  time = std::min(time, terms.open_max);
  const double share = static_cast<double>(random >> 11) / static_cast<double>(1ull << 53);
  return Duration(
      static_cast<Duration::rep>(static_cast<double>(time.count()) * (0.8 + 0.4 * share)));
}

}  // namespace

std::string_view name(BreakerState state) noexcept {
  constexpr std::string_view names[] = {"closed",      "open",          "half_open",
                                        "forced_open", "forced_closed", "off"};
  const auto index = static_cast<std::size_t>(state);
  return index < std::size(names) ? names[index] : std::string_view("unknown");
}

Breaker::Now Breaker::current() const noexcept {
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  return {word >> state_bits, static_cast<State>(word & ((1u << state_bits) - 1))};
}

void Breaker::become(State state) {
  word_.store(((current().epoch + 1) << state_bits) | static_cast<std::uint64_t>(state),
              std::memory_order_release);
  base::count(transitions_[static_cast<std::size_t>(state)]);
}

Breaker::Admission Breaker::refuse(BreakerState state,
                                   std::optional<Duration> retry_after) const noexcept {
  Admission no{false, true, {}, {}};
  no.refusal = {state, opened_failed_.load(std::memory_order_relaxed),
                opened_total_.load(std::memory_order_relaxed), retry_after};
  return no;
}

Breaker::Admission Breaker::admit(const BreakerTerms& terms, TimePoint now, Duration attempt) {
  if (terms.mode == BreakerMode::forced_open) {
    Admission no{false, true, {}, {}};
    no.refusal.state = BreakerState::forced_open;
    return no;
  }
  if (!counts(terms.mode)) return {};
  const Now is = current();
  if (is.state == State::closed) return {true, false, {is.epoch, Permit::no_lease}, {}};
  const Duration left(until_.load(std::memory_order_relaxed) - count(now));
  Admission answer = is.state == State::open && left > Duration::zero()
                         ? refuse(BreakerState::open, left)
                         : admit_slowly(terms, now, attempt);
  if (answer.refused && terms.mode == BreakerMode::dark) answer.granted = true;
  return answer;
}

Breaker::Admission Breaker::admit_slowly(const BreakerTerms& terms, TimePoint now,
                                         Duration attempt) {
  base::Lock lock(mutex_);
  Now is = current();
  const Duration left(until_.load(std::memory_order_relaxed) - count(now));
  if (is.state == State::open && left <= Duration::zero()) {
    leases_.assign(static_cast<std::size_t>(terms.half_open_permits), Lease{});
    become(State::half_open);
  } else if (is.state == State::half_open) {
    expire_leases(now);
    decide(terms, now);
  }
  is = current();
  if (is.state == State::half_open) return admit_half_open(now, attempt);
  if (is.state == State::closed) return {true, false, {is.epoch, Permit::no_lease}, {}};
  return refuse(BreakerState::open, Duration(until_.load(std::memory_order_relaxed) - count(now)));
}

Breaker::Admission Breaker::admit_half_open(TimePoint now, Duration attempt) {
  const auto free = std::ranges::find(leases_, Lease::Is::free, &Lease::is);
  if (free != leases_.end()) {
    const Duration most = Duration::max() - lease_grace - now.time_since_epoch();
    *free = {Lease::Is::out, now + std::min(attempt, most) + lease_grace};
    return {true,
            false,
            {current().epoch, static_cast<std::uint32_t>(std::distance(leases_.begin(), free))},
            {}};
  }
  TimePoint last = now;
  for (const Lease& lease : leases_)
    if (lease.is == Lease::Is::out) last = std::max(last, lease.expires);
  return refuse(BreakerState::half_open, last - now);
}

void Breaker::record(const BreakerTerms& terms, const Permit& permit, Verdict verdict,
                     TimePoint now, std::uint64_t random) {
  const Now is = current();
  if (permit.epoch != is.epoch || !counts(terms.mode)) return;
  if (is.state == State::closed) {
    if (verdict != Verdict::ignore)
      record_closed(terms, permit, verdict == Verdict::failure, now, random);
    return;
  }
  base::Lock lock(mutex_);
  if (current().epoch != permit.epoch || permit.lease >= leases_.size()) return;
  random_ = random;
  expire_leases(now);
  Lease& lease = leases_[permit.lease];
  if (lease.is == Lease::Is::out)
    lease.is = verdict == Verdict::success   ? Lease::Is::succeeded
               : verdict == Verdict::failure ? Lease::Is::failed
                                             : Lease::Is::free;
  decide(terms, now);
}

void Breaker::record_closed(const BreakerTerms& terms, const Permit& permit, bool failed,
                            TimePoint now, std::uint64_t random) {
  if (!failed) {
    if (consecutive_.load(std::memory_order_relaxed) != 0)
      consecutive_.store(0, std::memory_order_relaxed);
    succeeded_.add(terms.window, now);
    return;
  }
  const int in_a_row = consecutive_.fetch_add(1, std::memory_order_relaxed) + 1;
  failed_.add(terms.window, now);
  const auto [state, failures, total] = view(terms, now);
  const bool enough = total >= static_cast<std::uint64_t>(terms.min_calls);
  if (!(enough && reaches(failures, total, terms.failure_permille)) &&
      in_a_row < terms.consecutive_failures)
    return;
  base::Lock lock(mutex_);
  if (current().epoch != permit.epoch) return;
  random_ = random;
  if (closed_since_ && now - *closed_since_ >= terms.window) openings_ = 0;
  open(terms, now, failures, total);
}

void Breaker::expire_leases(TimePoint now) {
  for (Lease& lease : leases_)
    if (lease.is == Lease::Is::out && now >= lease.expires) lease.is = Lease::Is::failed;
}

void Breaker::decide(const BreakerTerms& terms, TimePoint now) {
  std::uint64_t failed = 0;
  for (const Lease& lease : leases_) {
    if (lease.is == Lease::Is::free || lease.is == Lease::Is::out) return;
    if (lease.is == Lease::Is::failed) ++failed;
  }
  if (reaches(failed, leases_.size(), terms.failure_permille))
    return open(terms, now, failed, leases_.size());
  close(now);
}

void Breaker::open(const BreakerTerms& terms, TimePoint now, std::uint64_t failed,
                   std::uint64_t total) {
  ++openings_;
  until_.store(count(now + open_time(terms, openings_, random_)), std::memory_order_relaxed);
  random_ = base::Random(random_).next();
  opened_failed_.store(failed, std::memory_order_relaxed);
  opened_total_.store(total, std::memory_order_relaxed);
  become(State::open);
}

void Breaker::close(TimePoint now) {
  succeeded_.clear();
  failed_.clear();
  consecutive_.store(0, std::memory_order_relaxed);
  closed_since_ = now;
  become(State::closed);
}

Breaker::View Breaker::view(const BreakerTerms& terms, TimePoint now) const noexcept {
  const std::uint64_t failed = failed_.within(terms.window, now);
  const std::uint64_t total = failed + succeeded_.within(terms.window, now);
  switch (terms.mode) {
    case BreakerMode::off:
      return {BreakerState::off, failed, total};
    case BreakerMode::forced_open:
      return {BreakerState::forced_open, failed, total};
    case BreakerMode::forced_closed:
      return {BreakerState::forced_closed, failed, total};
    case BreakerMode::dark:
    case BreakerMode::on:
      break;
  }
  constexpr BreakerState states[] = {BreakerState::closed, BreakerState::open,
                                     BreakerState::half_open};
  return {states[static_cast<std::size_t>(current().state)], failed, total};
}

}  // namespace callerapi::policy
