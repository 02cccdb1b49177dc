#include "wire/timer_wheel.hpp"

#include <chrono>

namespace callerapi::wire {
namespace {

constexpr Duration tick_length = std::chrono::milliseconds(1);
constexpr std::uint64_t reach = 1ull << 32;  // ticks the last level can tell apart

}  // namespace

TimerWheel::TimerWheel(TimePoint start) noexcept
    : start_(start), heads_(std::make_unique<std::array<Timer, slots * levels>>()) {
  for (Timer& head : *heads_) head.next_ = head.previous_ = &head;
}

std::uint64_t TimerWheel::tick_of(TimePoint when) const noexcept {
  if (when <= start_) return 0;
  return static_cast<std::uint64_t>((when - start_) / tick_length);
}

void TimerWheel::link(Timer& head, Timer& timer) noexcept {
  timer.previous_ = head.previous_;
  timer.next_ = &head;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  timer.previous_->next_ = timer.next_;
  timer.next_->previous_ = timer.previous_;
  timer.next_ = timer.previous_ = nullptr;
}

void TimerWheel::place(Timer& timer) noexcept {
  const std::uint64_t left = timer.due_tick_ - tick_;
  std::size_t level = 0;
  while (level + 1 < levels && left >= (1ull << (8 * (level + 1)))) ++level;
  const std::uint64_t tick = left < reach ? timer.due_tick_ : tick_ + reach - 1;
  link(head(level, tick), timer);
}

void TimerWheel::arm(Timer& timer, TimePoint due) noexcept {
  disarm(timer);
  // The tick after the one `due` falls in: never early. The current tick has already fired.
  const std::uint64_t tick = due == no_deadline ? tick_ + reach : tick_of(due) + 1;
  timer.due_tick_ = tick > tick_ ? tick : tick_ + 1;
  place(timer);
  ++armed_;
}

void TimerWheel::disarm(Timer& timer) noexcept {
  if (!timer.armed()) return;
  unlink(timer);
  --armed_;
}

void TimerWheel::cascade(std::size_t level) {
  Timer& from = head(level, tick_);
  Timer ring;
  ring.next_ = ring.previous_ = &ring;
  while (from.next_ != &from) {
    Timer& timer = *from.next_;
    unlink(timer);
    link(ring, timer);
  }
  while (ring.next_ != &ring) {
    Timer& timer = *ring.next_;
    unlink(timer);
    place(timer);
  }
}

void TimerWheel::advance(TimePoint now) {
  const std::uint64_t target = tick_of(now);
  if (armed_ == 0 && target > tick_) tick_ = target;
  while (tick_ < target) {
    ++tick_;
    for (std::size_t level = 1; level < levels; ++level) {
      if ((tick_ & ((1ull << (8 * level)) - 1)) != 0) break;
      cascade(level);
    }
    Timer& due = head(0, tick_);
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      unlink(timer);
      --armed_;
      timer.fire_();
    }
    if (armed_ == 0) tick_ = target;
  }
}

std::optional<TimePoint> TimerWheel::next_due() const noexcept {
  if (armed_ == 0) return std::nullopt;
  // The next occupied slot of the lowest level, or the next tick at which a higher level may hand
  // timers down.
  for (std::uint64_t ahead = 1; ahead <= slots; ++ahead) {
    const std::uint64_t tick = tick_ + ahead;
    const Timer& slot = head(0, tick);
    const bool boundary = (tick & (slots - 1)) == 0;
    if (slot.next_ != &slot || boundary)
      return start_ + tick_length * static_cast<std::int64_t>(tick);
  }
  return start_ + tick_length * static_cast<std::int64_t>(tick_ + slots);
}

}  // namespace callerapi::wire
