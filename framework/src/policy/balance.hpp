#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/ejection.hpp"
#include "policy/hash_ring.hpp"

namespace callerapi::policy {

/// The instances one call has been to. More than it has room for are forgotten: a retry at one of
/// them is no fault.
class Tried {
 public:
  void add(std::size_t index) noexcept {
    if (count_ < room) seen_[count_++] = index;
  }
  bool contains(std::size_t index) const noexcept {
    return std::find(seen_.begin(), seen_.begin() + count_, index) != seen_.begin() + count_;
  }
  bool empty() const noexcept { return count_ == 0; }
  /// Is any of so many instances left?
  bool leaves_any_of(std::size_t count) const noexcept {
    std::size_t i = 0;
    while (i < count && contains(i)) ++i;
    return i < count;
  }

 private:
  static constexpr std::uint8_t room = 8;
  std::array<std::size_t, room> seen_{};
  std::uint8_t count_ = 0;
};

/// The word of the enumerator: "p2c_ewma".
std::string_view name(BalancePolicy policy) noexcept;

/// How one choice came about, for the record of a call. Filling it in costs next to nothing.
struct Choice {
  struct Drawn {
    std::uint32_t index = 0;
    int in_flight = 0;
    float latency = 0, share = 0;  ///< Seconds, 0: not asked for; weight and ramp.
  };
  std::array<Drawn, 2> drawn{};  ///< That were compared.
  std::uint8_t drawn_count = 0;
  bool panic = false;
  BalancePolicy by = BalancePolicy::p2c_ewma;  ///< What decided.
  std::uint32_t ejected = 0, cooling = 0;      ///< A bit for each of the first 32.
  std::uint32_t full = 0, returning = 0;       ///< Likewise, passed over on the ring for that.

  /// By which two are compared.
  static double cost(const Drawn& one) noexcept {
    return (one.latency > 0 ? one.latency : 1.0F) * static_cast<float>(one.in_flight + 1) /
           one.share;
  }
};

/// In turn, in proportion to whole weights, and as evenly as they allow. Thread-safe: the turn of
/// all weights is written out once, so that a step is one addition.
class Rotation {
 public:
  explicit Rotation(std::span<const Contender> all);
  std::size_t next() noexcept {
    return order_[turn_.fetch_add(1, std::memory_order_relaxed) % order_.size()];
  }
  std::size_t size() const noexcept { return order_.size(); }

 private:
  std::vector<std::uint32_t> order_;
  std::atomic<std::uint32_t> turn_{0};
};

/// Chooses among a set of instances that does not change (semantics S9). Thread-safe.
class Balancer {
 public:
  /// Only with one can it choose by a key.
  enum class Ring : bool { none, built };
  /// What is named in `all` lives as long as this.
  explicit Balancer(std::vector<Contender> all, Ring ring = Ring::none);

  /// An index into `all`; nullopt: the set is empty. Neither ejected nor cooling nor tried by the
  /// same call, as long as there is such a one; of these, one of the first priority that has any.
  /// `random`: 64 evenly spread bits. `key`: the hash of what ring_hash keeps at one instance.
  /// `choice` is filled in where there are several.
  std::optional<std::size_t> pick(Ejector& ejector, const Settings& settings, const Tried& tried,
                                  TimePoint now, std::uint64_t random, Choice& choice,
                                  std::optional<std::uint64_t> key = {}) const;
  std::span<const Contender> all() const noexcept { return all_; }
  bool has_ring() const noexcept { return !ring_.empty(); }

 private:
  const std::vector<Contender> all_;
  const std::vector<std::uint16_t> ranks_;  ///< Their priorities, each once, in order.
  mutable Rotation rotation_;
  const HashRing ring_;
};

}  // namespace callerapi::policy
