#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// How often something happened within the last `window`: a ring of ten slots, each a tenth of the
/// window and at least 100 ms long. The window comes with each use; where it changes, what was
/// counted keeps its time. Lock-free and thread-safe; threads that meet at the beginning of a slot
/// may lose one count each.
class RecentCount {
 public:
  void add(Duration window, TimePoint now) noexcept;
  std::uint64_t within(Duration window, TimePoint now) const noexcept;
  void clear() noexcept;

 private:
  static constexpr std::size_t slots = 10;
  // The beginning of the slot's time in tenths of a second, and 32 bits of count below it.
  std::array<std::atomic<std::uint64_t>, slots> ring_{};
};

}  // namespace callerapi::policy
