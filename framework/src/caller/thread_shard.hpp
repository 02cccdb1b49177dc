#pragma once

#include <atomic>

namespace callerapi::caller {

/// The group this thread counts in; the loop has group 0, threads that call take turns.
inline unsigned thread_shard() noexcept {
  static std::atomic<unsigned> next{1};
  thread_local const unsigned mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace callerapi::caller
