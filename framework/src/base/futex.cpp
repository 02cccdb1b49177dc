#include "base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace callerapi::base {
namespace {

// The atomic and the word the kernel looks at are the same four bytes.
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

}  // namespace

void futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      TimePoint until) noexcept {
  timespec when{};
  if (until != no_deadline) {
    const auto ns = until.time_since_epoch().count();
    when = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  }
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
            until == no_deadline ? nullptr : &when, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

}  // namespace callerapi::base
