#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// What a histogram counts: the upper bounds of its buckets, rising, and how many of what is
/// recorded make one of what is shown. One more bucket takes the rest.
struct Scale {
  std::array<std::int64_t, 14> bounds;
  double unit;
};

/// OTel's bounds for the durations of HTTP clients: nanoseconds, shown as seconds.
inline constexpr Scale call_times = {
    {5'000'000, 10'000'000, 25'000'000, 50'000'000, 75'000'000, 100'000'000, 250'000'000,
     500'000'000, 750'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 7'500'000'000,
     10'000'000'000},
    1e9};
/// OTel's bounds for the life of a connection, likewise.
inline constexpr Scale connection_ages = {
    {10'000'000, 20'000'000, 50'000'000, 100'000'000, 200'000'000, 500'000'000, 1'000'000'000,
     2'000'000'000, 5'000'000'000, 10'000'000'000, 30'000'000'000, 60'000'000'000, 120'000'000'000,
     300'000'000'000},
    1e9};
/// Bytes: 64, and four times as many each time up to 4 GiB.
inline constexpr Scale body_sizes = {
    {1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24,
     1 << 26, 1 << 28, 1 << 30, std::int64_t{1} << 32},
    1};

using Counter = std::atomic<std::uint64_t>;

/// How many threads ever write to a counter. One alone need not lock the bus for it.
enum class Writers : std::uint8_t { one, many };

inline void count(Counter& counter, std::uint64_t by = 1, Writers who = Writers::many) noexcept {
  if (who == Writers::many)
    counter.fetch_add(by, std::memory_order_relaxed);
  else
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// What a histogram held when it was looked at.
struct Distribution {
  std::array<std::uint64_t, std::size(Scale{}.bounds) + 1> buckets{};
  std::uint64_t sum = 0;  ///< Of what was recorded.

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t n : buckets) all += n;
    return all;
  }
};

/// Values counted into the buckets of a scale. Thread-safe, relaxed, two cache lines.
template <const Scale& scale>
class HistogramOf {
 public:
  /// Below zero, as when a clock stepped back, counts as zero.
  void record(std::int64_t value, Writers who = Writers::many) noexcept {
    value = std::max<std::int64_t>(0, value);
    const auto bucket =
        std::ranges::find_if(scale.bounds, [&](std::int64_t bound) { return value <= bound; });
    count(buckets_[static_cast<std::size_t>(bucket - scale.bounds.begin())], 1, who);
    if (value > 0) count(sum_, static_cast<std::uint64_t>(value), who);
  }
  void record(Duration took, Writers who = Writers::many) noexcept {
    record(std::int64_t{took.count()}, who);
  }
  void add_to(Distribution& all) const noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i)
      all.buckets[i] += buckets_[i].load(std::memory_order_relaxed);
    all.sum += sum_.load(std::memory_order_relaxed);
  }

 private:
  std::array<Counter, std::size(Scale{}.bounds) + 1> buckets_{};
  Counter sum_{0};
};

using Histogram = HistogramOf<call_times>;
using Ages = HistogramOf<connection_ages>;
using Sizes = HistogramOf<body_sizes>;

/// One T for each of a few groups of threads, on cache lines of its own: threads of different
/// groups do not slow each other down. Group 0 is the loop's thread alone.
template <class T>
class Sharded {
 public:
  static constexpr std::size_t shards = 4;
  T& of(unsigned shard) noexcept {
    return all_[shard == 0 ? 0 : 1 + (shard - 1) % (shards - 1)].one;
  }
  /// Of that group, as long as its own threads alone write to it.
  static constexpr Writers writers(unsigned shard) noexcept {
    return shard == 0 ? Writers::one : Writers::many;
  }
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

inline std::uint64_t sum(const Sharded<Counter>& counter) noexcept {
  std::uint64_t all = 0;
  counter.each([&](const Counter& one) { all += one.load(std::memory_order_relaxed); });
  return all;
}

template <const Scale& scale>
Distribution sum(const HistogramOf<scale>& histogram) noexcept {
  Distribution all;
  histogram.add_to(all);
  return all;
}

template <const Scale& scale>
Distribution sum(const Sharded<HistogramOf<scale>>& histogram) noexcept {
  Distribution all;
  histogram.each([&](const HistogramOf<scale>& one) { one.add_to(all); });
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

}  // namespace callerapi::base
