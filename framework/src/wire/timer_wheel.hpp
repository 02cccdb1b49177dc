#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "callerapi/deadline.hpp"

namespace callerapi::wire {

/// What a ring of timers is made of.
struct TimerLink {
  TimerLink *next = nullptr, *previous = nullptr;
};

/// An intrusive timer: lives in its owner, costs no allocation. Disarm it before it dies.
class Timer : TimerLink {
 public:
  Timer() = default;
  explicit Timer(std::function<void()> fire) : fire_(std::move(fire)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const noexcept { return next != nullptr; }

 private:
  friend class TimerWheel;
  std::function<void()> fire_;
  std::uint64_t due_tick_ = 0;
};

/// A hierarchical wheel: arming and disarming are a handful of instructions. One thread.
///
/// A tick is one millisecond; a timer fires at the first tick that is not before its time, never
/// early. Four levels of 256 slots reach 49 days; later times wait in the last slot and are
/// looked at again.
class TimerWheel {
 public:
  explicit TimerWheel(TimePoint start) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void arm(Timer& timer, TimePoint due) noexcept;
  void disarm(Timer& timer) noexcept;
  /// Fires everything that is due. A timer may arm or disarm any timer, itself included.
  void advance(TimePoint now);
  /// When advance() is needed next at the latest; nullopt when nothing is armed.
  std::optional<TimePoint> next_due() const noexcept;
  std::size_t armed() const noexcept { return armed_; }

 private:
  static constexpr std::size_t slots = 256, levels = 4;

  std::uint64_t tick_of(TimePoint when) const noexcept;
  void place(Timer& timer) noexcept;
  static void link(TimerLink& head, Timer& timer) noexcept;
  static void unlink(Timer& timer) noexcept;
  static Timer& first_of(TimerLink& ring) noexcept { return static_cast<Timer&>(*ring.next); }
  void cascade(std::size_t level);
  TimerLink& head(std::size_t level, std::uint64_t tick) const noexcept {
    return (*heads_)[level * slots + ((tick >> (8 * level)) & (slots - 1))];
  }

  TimePoint start_;
  std::uint64_t tick_ = 0;
  std::size_t armed_ = 0;
  /// Each slot is the head of a ring.
  std::unique_ptr<std::array<TimerLink, slots * levels>> heads_;
  /// A bit for each slot of the lowest level: 0 if its ring is empty. Cleared when it is found out.
  mutable std::array<std::uint64_t, slots / 64> taken_{};
};

}  // namespace callerapi::wire
