#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "callerapi/deadline.hpp"

namespace callerapi::registry {

/// When the content of a watched file that was seen to move is to be compared: the registry once it
/// has rested, or after a while if it never rests; a plugin file only once it has rested for
/// longer. Pure: time is what it is told.
class News {
 public:
  // Editors and deployers are done with a small file in far less.
  static constexpr std::chrono::milliseconds registry_rest{100}, registry_patience{500};
  // A copy over a slow link stalls; half a library is refused, but two halves may look like one.
  static constexpr std::chrono::milliseconds plugin_rest{500};
  static constexpr std::chrono::milliseconds between_changes{100};

  explicit News(bool of_registry) noexcept : of_registry_(of_registry) {}

  void moved(TimePoint now) noexcept {
    moved_at_ = now;
    if (!there_) first_ = now;
    there_ = true;
  }
  void compared() noexcept { there_ = false; }
  /// Nothing: there is no news.
  std::optional<TimePoint> due() const noexcept {
    if (!there_) return std::nullopt;
    if (!of_registry_) return moved_at_ + plugin_rest;
    return std::min(moved_at_ + registry_rest, first_ + registry_patience);
  }

 private:
  bool of_registry_;
  bool there_ = false;
  TimePoint first_{}, moved_at_{};
};

}  // namespace callerapi::registry
