#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// The upper bounds of OTel's HTTP client durations, in microseconds; one more bucket takes the
/// rest.
inline constexpr std::array<std::int64_t, 14> duration_bounds_us = {
    5'000,   10'000,  25'000,    50'000,    75'000,    100'000,   250'000,
    500'000, 750'000, 1'000'000, 2'500'000, 5'000'000, 7'500'000, 10'000'000};

/// What a histogram held when it was looked at.
struct Distribution {
  std::array<std::uint64_t, duration_bounds_us.size() + 1> buckets{};
  std::uint64_t sum_ns = 0;

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t n : buckets) all += n;
    return all;
  }
};

/// Durations counted into fixed buckets. Thread-safe, relaxed, two cache lines.
class Histogram {
 public:
  void record(Duration took) noexcept;
  void add_to(Distribution& all) const noexcept;

 private:
  std::array<std::atomic<std::uint64_t>, duration_bounds_us.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// One T for each of a few groups of threads, on cache lines of its own: threads of different
/// groups do not slow each other down. The loop is group 0.
template <class T>
class Sharded {
 public:
  static constexpr std::size_t shards = 4;
  T& of(unsigned shard) noexcept { return all_[shard % shards].one; }
  template <class F>
  void each(F f) const {
    for (const Line& line : all_) f(line.one);
  }

 private:
  struct alignas(64) Line {
    T one{};
  };
  std::array<Line, shards> all_;
};

using Counter = std::atomic<std::uint64_t>;

inline void count(Counter& counter, std::uint64_t by = 1) noexcept {
  counter.fetch_add(by, std::memory_order_relaxed);
}

inline std::uint64_t sum(const Sharded<Counter>& counter) noexcept {
  std::uint64_t all = 0;
  counter.each([&](const Counter& one) { all += one.load(std::memory_order_relaxed); });
  return all;
}

inline Distribution sum(const Sharded<Histogram>& histogram) noexcept {
  Distribution all;
  histogram.each([&](const Histogram& one) { one.add_to(all); });
  return all;
}

/// Made when it is first needed, by whichever thread comes first, and kept. Thread-safe.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  ~Lazy() { delete made_.load(std::memory_order_relaxed); }
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;

  template <class... Args>
  T& get(Args... args) {
    T* there = made_.load(std::memory_order_acquire);
    if (there != nullptr) return *there;
    auto mine = std::make_unique<T>(args...);
    if (made_.compare_exchange_strong(there, mine.get(), std::memory_order_acq_rel))
      return *mine.release();
    return *there;
  }
  /// Null: nobody needed it yet.
  const T* peek() const noexcept { return made_.load(std::memory_order_acquire); }

 private:
  std::atomic<T*> made_{nullptr};
};

}  // namespace callerapi::policy
