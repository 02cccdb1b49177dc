#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "callerapi/body.hpp"

namespace callerapi::support {

/// `size` bytes that no two places have in common.
inline std::string varied_bytes(std::size_t size) {
  std::string bytes;
  bytes.reserve(size + 8);
  for (std::size_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + " ";
  bytes.resize(size);
  return bytes;
}

/// A body that gives `bytes` once, a few thousand at a time; sent chunked unless `sized`.
inline Body read_once(std::string bytes, bool sized = false) {
  const std::optional<std::uint64_t> length =
      sized ? std::optional<std::uint64_t>(bytes.size()) : std::nullopt;
  return Body::generated(
      [bytes = std::move(bytes),
       at = std::size_t{0}](std::span<char> into) mutable -> Result<std::size_t> {
        const std::size_t size =
            bytes.copy(into.data(), std::min<std::size_t>(into.size(), 5000), at);
        at += size;
        return size;
      },
      length);
}

}  // namespace callerapi::support
