#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.hpp"

namespace callerapi::catalogue {

namespace detail {
/// Numbers that no two publications of this process ever share.
std::uint64_t next_epoch() noexcept;
}  // namespace detail

/// A pointer that is read very often and replaced now and then. read() compares one
/// number with this thread's copy, 1 to 2 ns; a std::atomic<std::shared_ptr> is slower and not
/// clean under ThreadSanitizer here. Numbers are unique in the process, so a dead publication's
/// copy is never taken for that of a new one at the same address. A thread keeps its copy until it
/// reads again: T must not own code. What was replaced is kept until reap(), so that a thread that
/// reads never destroys one, which for thousands of services takes long. Thread-safe.
template <class T>
class Publication {
 public:
  explicit Publication(std::shared_ptr<const T> first) { publish(std::move(first)); }

  void publish(std::shared_ptr<const T> next) {
    base::Lock lock(mutex_);
    if (value_) replaced_.push_back(std::move(value_));
    value_ = std::move(next);
    epoch_.store(detail::next_epoch(), std::memory_order_release);
  }

  /// Destroys on this thread what was replaced and no thread has a copy of; answers how many are
  /// left. For a thread that nobody waits for.
  std::size_t reap() {
    std::vector<std::shared_ptr<const T>> over;  // goes after the lock
    base::Lock lock(mutex_);
    // Only copies of value_ are made: where this is the last one, no other comes.
    for (auto& one : replaced_)
      if (one.use_count() == 1) over.push_back(std::move(one));
    std::erase(replaced_, nullptr);
    return replaced_.size();
  }
  /// Keeps nothing any more of what was replaced; a copy that a thread has goes when that reads.
  void let_go() {
    std::vector<std::shared_ptr<const T>> over;
    base::Lock lock(mutex_);
    over.swap(replaced_);
  }
  /// Would reap() find anything?
  bool has_replaced() const {
    base::Lock lock(mutex_);
    return !replaced_.empty();
  }

  const std::shared_ptr<const T>& read() const {
    struct Copy {
      std::uint64_t epoch = 0;
      std::shared_ptr<const T> value;
    };
    thread_local Copy copy;
    if (copy.epoch != epoch_.load(std::memory_order_acquire)) {
      base::Lock lock(mutex_);
      copy.value = value_;
      copy.epoch = epoch_.load(std::memory_order_relaxed);
    }
    return copy.value;
  }

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const T> value_ CALLERAPI_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const T>> replaced_ CALLERAPI_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> epoch_{0};
};

}  // namespace callerapi::catalogue
