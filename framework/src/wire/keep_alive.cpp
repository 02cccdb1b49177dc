#include "wire/keep_alive.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

// Longer than any connection is kept, and far from the end of what Duration can say.
constexpr std::uint32_t seconds_max = 365 * 24 * 3600;

std::optional<std::uint32_t> whole_seconds(std::string_view text) noexcept {
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return parsed.ec == std::errc() ? std::min(seconds, seconds_max) : seconds_max;
}

}  // namespace

std::optional<Duration> keep_alive_time(const Headers& headers) {
  std::optional<std::uint32_t> least;
  for (const auto [name, value] : headers) {
    if (!same_name(name, "Keep-Alive")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const std::string_view parameter = trim(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      const auto equals = parameter.find('=');
      if (equals == std::string_view::npos || !same_name(parameter.substr(0, equals), "timeout"))
        continue;
      if (const auto seconds = whole_seconds(parameter.substr(equals + 1)))
        least = std::min(least.value_or(seconds_max), *seconds);
    }
  }
  if (!least) return std::nullopt;
  return std::chrono::seconds(*least);
}

}  // namespace callerapi::wire
