#include "wire/timer_wheel.hpp"

#include <bit>
#include <chrono>

namespace callerapi::wire {
namespace {

constexpr Duration tick_length = std::chrono::milliseconds(1);
constexpr std::uint64_t reach = 1ull << 32;  // ticks the last level can tell apart

}  // namespace

TimerWheel::TimerWheel(TimePoint start) noexcept
    : start_(start), heads_(std::make_unique<std::array<TimerLink, slots * levels>>()) {
  for (TimerLink& head : *heads_) head.next = head.previous = &head;
}

std::uint64_t TimerWheel::tick_of(TimePoint when) const noexcept {
  if (when <= start_) return 0;
  return static_cast<std::uint64_t>((when - start_) / tick_length);
}

void TimerWheel::link(TimerLink& head, Timer& timer) noexcept {
  timer.previous = head.previous;
  timer.next = &head;
  head.previous->next = &timer;
  head.previous = &timer;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.next = timer.previous = nullptr;
}

void TimerWheel::place(Timer& timer) noexcept {
  const std::uint64_t left = timer.due_tick_ - tick_;
  std::size_t level = 0;
  while (level + 1 < levels && left >= (1ull << (8 * (level + 1)))) ++level;
  const std::uint64_t tick = left < reach ? timer.due_tick_ : tick_ + reach - 1;
  link(head(level, tick), timer);
  if (level == 0) taken_[tick % slots / 64] |= 1ull << (tick % 64);
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
  TimerLink& from = head(level, tick_);
  TimerLink ring;
  ring.next = ring.previous = &ring;
  while (from.next != &from) {
    Timer& timer = first_of(from);
    unlink(timer);
    link(ring, timer);
  }
  while (ring.next != &ring) {
    Timer& timer = first_of(ring);
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
    TimerLink& due = head(0, tick_);
    while (due.next != &due) {
      Timer& timer = first_of(due);
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
  std::uint64_t tick = tick_ + 1;
  while (tick % slots != 0) {
    std::uint64_t& word = taken_[tick % slots / 64];
    const std::uint64_t ahead = word >> (tick % 64);
    if (ahead == 0) {
      tick = (tick / 64 + 1) * 64;
      continue;
    }
    tick += static_cast<std::uint64_t>(std::countr_zero(ahead));
    const TimerLink& slot = head(0, tick);
    if (slot.next != &slot) break;
    word &= ~(1ull << (tick % 64));
  }
  return start_ + tick_length * static_cast<std::int64_t>(tick);
}

}  // namespace callerapi::wire
