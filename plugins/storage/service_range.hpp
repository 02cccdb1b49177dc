#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace storage {

/// A part of a blob: `count` bytes from `first`.
struct Range {
  std::uint64_t first = 0, count = 0;
};

enum class RangeKind { whole, part, unsatisfiable };

/// Reads a Range header (RFC 9110 14.2) for `size` bytes. More than one range, another unit or
/// nonsense mean the whole, as the RFC allows.
RangeKind read_range(std::string_view header, std::uint64_t size, Range& into) noexcept;

}  // namespace storage
