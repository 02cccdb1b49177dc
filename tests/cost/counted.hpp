#pragma once

#include <cstdint>

namespace callerapi::cost {

/// What this program has asked of the allocator and of the kernel. Every operator new of the
/// program counts, and every system call made through a function of libc that an HTTP client needs
/// (the list stands in counted.cpp); what libc does inside itself does not.
struct Counted {
  std::uint64_t allocations = 0;
  std::uint64_t waits = 0;         ///< epoll_wait: how many depends on who runs when.
  std::uint64_t system_calls = 0;  ///< All others.
};

Counted operator-(const Counted& a, const Counted& b) noexcept;

/// Of the thread that asks.
Counted here() noexcept;
/// Of all threads together.
Counted everywhere() noexcept;

}  // namespace callerapi::cost
