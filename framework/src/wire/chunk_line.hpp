#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace callerapi::wire {

/// The size in a chunk's first line, given without its CRLF (RFC 9112 7.1). Extensions must be
/// well-formed and are ignored. Nothing for a malformed line or a size above 2^63 - 1.
std::optional<std::uint64_t> parse_chunk_line(std::string_view line) noexcept;

}  // namespace callerapi::wire
