#include "wire/syntax.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "callerapi/headers.hpp"

namespace callerapi::wire {
namespace {

constexpr std::array<bool, 256> token_bytes = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr bool is_field_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 || byte == '\t') && byte != 0x7f;
}

/// Is each of these eight bytes visible, a blank, or above ASCII? A tab is not told from a control.
bool no_control(const char* bytes) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101u, high = 0x80 * each;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  // A byte below n borrows from its high bit; one that becomes zero below 1 does.
  const std::uint64_t deleted = word ^ (0x7f * each);
  const std::uint64_t found = ((word - 0x20 * each) & ~word) | ((deleted - each) & ~deleted);
  return (found & high) == 0;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  // No way out in between: looking at all bytes takes less than asking after each.
  bool sound = !text.empty();
  for (const char c : text) sound &= token_bytes[static_cast<unsigned char>(c)];
  return sound;
}

bool is_field_value(std::string_view text) noexcept {
  while (text.size() >= 8) {
    const std::string_view eight = text.substr(0, 8);
    if (!no_control(eight.data()) && !std::ranges::all_of(eight, is_field_byte)) return false;
    text.remove_prefix(8);
  }
  return std::ranges::all_of(text, is_field_byte);
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_forbidden_trailer(std::string_view name) noexcept {
  constexpr std::string_view forbidden[] = {
      "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",       "TE",
      "Trailer",        "Upgrade",           "Host",       "Content-Encoding", "Content-Type",
      "Content-Range",  "Authorization",     "Set-Cookie", "WWW-Authenticate", "Cache-Control",
      "Location",       "Retry-After"};
  return std::ranges::any_of(forbidden, [&](std::string_view f) { return same_name(f, name); }) ||
         (name.size() > 6 && same_name(name.substr(0, 6), "Proxy-"));
}

std::string printable(std::string_view bytes, std::size_t shown_max) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes.substr(0, shown_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  if (bytes.size() > shown_max) text += "...";
  return text;
}

}  // namespace callerapi::wire
