#pragma once

#include <atomic>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// Blocks while `word` is `expected`, until woken or until `until` (monotonic). May wake early: ask
/// again. std::atomic::wait spins with yields, which costs a lone call ten microseconds.
void futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      TimePoint until) noexcept;
void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept;

}  // namespace callerapi::base
