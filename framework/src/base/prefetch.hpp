#pragma once

#include <cstddef>

namespace callerapi::base {

/// Has the processor fetch what will soon be read and written. A hint: nothing is accessed, and an
/// address that is no object's any more does no harm.
inline void prefetch(const void* at, std::size_t bytes) noexcept {
  constexpr std::size_t line = 64;
  for (std::size_t offset = 0; offset < bytes; offset += line)
    __builtin_prefetch(static_cast<const char*>(at) + offset, 1);
}

}  // namespace callerapi::base
