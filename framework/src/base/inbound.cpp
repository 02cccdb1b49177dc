#include "base/inbound.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace callerapi::base {
namespace {

using namespace std::chrono_literals;

// Far beyond any call, and far from overflow once it is added to a point in time.
constexpr Duration timeout_max = 24h * 365;
constexpr std::size_t baggage_bytes_max = 8192;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Digits alone: no sign, no blank. Numbers beyond 64 bits count as the largest.
std::optional<std::uint64_t> digits(std::string_view text) noexcept {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() ? value : UINT64_MAX;
}

std::optional<Duration> scaled(std::optional<std::uint64_t> count, Duration unit) noexcept {
  if (!count || *count == 0) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(timeout_max / unit);
  return unit * static_cast<Duration::rep>(std::min(*count, most));
}

}  // namespace

std::optional<Duration> parse_timeout_ms(std::string_view text) noexcept {
  return scaled(digits(text), 1ms);
}

std::optional<Duration> parse_grpc_timeout(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const auto count = digits(text.substr(0, text.size() - 1));
  switch (text.back()) {
    case 'H':
      return scaled(count, 1h);
    case 'M':
      return scaled(count, 1min);
    case 'S':
      return scaled(count, 1s);
    case 'm':
      return scaled(count, 1ms);
    case 'u':
      return scaled(count, 1us);
    case 'n':
      return scaled(count, 1ns);
    default:
      return std::nullopt;
  }
}

bool is_plain_field(std::string_view text, std::size_t bytes_max) noexcept {
  return text.size() <= bytes_max &&
         std::ranges::all_of(text, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

std::optional<std::string> filter_baggage(std::string_view text,
                                          const std::vector<std::string>& allowed) {
  if (!is_plain_field(text, baggage_bytes_max)) return std::nullopt;
  std::string kept;
  while (!text.empty()) {
    const std::string_view member = trimmed(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), text.find(',')));
    if (!text.empty()) text.remove_prefix(1);
    const auto equals = member.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    if (std::ranges::find(allowed, trimmed(member.substr(0, equals))) == allowed.end()) continue;
    if (!kept.empty()) kept += ',';
    kept += member;
  }
  return kept;
}

}  // namespace callerapi::base
