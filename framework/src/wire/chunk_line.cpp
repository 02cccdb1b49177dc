#include "wire/chunk_line.hpp"

#include <algorithm>

#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void skip_blanks(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool take_token(std::string_view& text) noexcept {
  const auto end = std::min(text.find_first_of(" \t;="), text.size());
  if (!is_token(text.substr(0, end))) return false;
  text.remove_prefix(end);
  return true;
}

bool take_quoted(std::string_view& text) noexcept {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`. An open quote would let the
/// line's end hide inside a value, so readers would disagree about where the data begins.
bool sound_extensions(std::string_view text) noexcept {
  if (!is_field_value(text)) return false;
  while (!text.empty()) {
    skip_blanks(text);
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    skip_blanks(text);
    if (!take_token(text)) return false;
    std::string_view ahead = text;
    skip_blanks(ahead);
    if (!ahead.starts_with('=')) continue;
    text = ahead.substr(1);
    skip_blanks(text);
    if (!(text.starts_with('"') ? take_quoted(text) : take_token(text))) return false;
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> parse_chunk_line(std::string_view line) noexcept {
  constexpr std::size_t digits_max = 16;
  std::size_t digits = 0;
  std::uint64_t size = 0;
  for (; digits < line.size(); ++digits) {
    const int value = hex_value(line[digits]);
    if (value < 0) break;
    if (digits == digits_max) return std::nullopt;
    size = size * 16 + static_cast<std::uint64_t>(value);
  }
  if (digits == 0 || size > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  if (!sound_extensions(line.substr(digits))) return std::nullopt;
  return size;
}

}  // namespace callerapi::wire
