#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.hpp"

namespace callerapi::base {

/// FNV-1a, stirred so that texts that differ in their last byte lie far apart. The same in every
/// process, so that callers agree on it; not for secrets, nor against somebody who picks the text.
inline std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Random(hash).next();
}

}  // namespace callerapi::base
