#include "base/fork.hpp"

#include <pthread.h>

#include <atomic>

namespace callerapi::base {
namespace {

std::atomic<unsigned> count{0};

}  // namespace

unsigned fork_count() noexcept {
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++count; });
  (void)registered;
  return count.load(std::memory_order_relaxed);
}

}  // namespace callerapi::base
