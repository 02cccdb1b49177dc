#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// "500ms", "2s", "1.5m", "1h": a number and one of us, ms, s, m, h, d. A bare number has no unit
/// and is refused, but for 0. Nothing when the text is anything else or beyond 292 years.
std::optional<Duration> parse_duration(std::string_view text);
/// The shortest text parse_duration() reads back as the same value, for whole microseconds.
std::string format_duration(Duration);

/// "16MiB", "64KiB", "1GiB", "512B" or a bare number of bytes. Powers of 1024 only: "MB" is
/// refused, because half the world means something else by it.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
std::string format_bytes(std::uint64_t bytes);

}  // namespace callerapi::base
