#pragma once

#include <array>
#include <cstddef>
#include <new>

#include "base/sanitizer.hpp"

namespace callerapi::base {

/// Allocates single objects that come and go by the hundred thousand and are larger than what
/// malloc keeps at hand for a thread (1,032 bytes with glibc; above, each takes its lock and its
/// bins): a thread keeps some of the blocks that it frees for what it makes next. Not under
/// AddressSanitizer, which could not tell a use after the end from a new object.
template <class T>
class Recycling {
 public:
  using value_type = T;
  Recycling() = default;
  template <class U>
  Recycling(const Recycling<U>&) noexcept {}

  T* allocate(std::size_t count) {
    if (count == 1 && kept.size > 0) return static_cast<T*>(kept.blocks[--kept.size]);
    return static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    if (count != 1 || kept.size == kept.room) return ::operator delete(block);
    thread_local const Closing closing;
    kept.blocks[kept.size++] = block;
  }
  bool operator==(const Recycling&) const = default;

 private:
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  static constexpr std::size_t kept_max = base::address_sanitized ? 0 : 64;

  struct Kept {
    std::array<void*, 64> blocks;
    std::size_t size, room;
  };
  static inline thread_local Kept kept{{}, 0, kept_max};

  /// What the thread frees after this goes the ordinary way.
  struct Closing {
    Closing() = default;
    ~Closing() {
      kept.room = 0;
      while (kept.size > 0) ::operator delete(kept.blocks[--kept.size]);
    }
  };
};

}  // namespace callerapi::base
