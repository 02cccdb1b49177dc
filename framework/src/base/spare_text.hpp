#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace callerapi::base {

/// A buffer for texts that are written, sent and forgotten: a thread keeps the last that was given
/// back for the next that is taken.
class SpareText {
 public:
  /// Empty, with whatever room the last one had.
  static std::string take() noexcept {
    if (over) return {};
    std::string text = std::move(held.text);
    text.clear();
    return text;
  }
  /// On any thread, as often as one likes. A large one is freed, and one smaller than the last.
  static void give(std::string text) noexcept {
    if (!over && text.capacity() <= kept_max && text.capacity() > held.text.capacity())
      held.text = std::move(text);
  }

 private:
  static constexpr std::size_t kept_max = 4096;

  struct Held {
    std::string text;
    ~Held() { over = true; }
  };
  // Other objects of the thread may end after the buffer.
  static inline thread_local bool over = false;
  static inline thread_local Held held;
};

}  // namespace callerapi::base
