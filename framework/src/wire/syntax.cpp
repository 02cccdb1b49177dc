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

constexpr std::size_t word = 8;

/// Is each byte of this word visible, a blank, or above ASCII? A tab is not told from a control.
bool no_control(const char* bytes) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101u, high = 0x80 * each;
  std::uint64_t eight = 0;
  static_assert(sizeof eight == word);
  std::memcpy(&eight, bytes, word);
  // A byte below n borrows from its high bit; one that becomes zero below 1 does.
  const std::uint64_t deleted = eight ^ (0x7f * each);
  const std::uint64_t found = ((eight - 0x20 * each) & ~eight) | ((deleted - each) & ~deleted);
  return (found & high) == 0;
}

}  // namespace

std::size_t token_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && token_bytes[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

bool is_field_value(std::string_view text) noexcept {
  if (text.size() < word) return std::ranges::all_of(text, is_field_byte);
  const auto sound = [&](std::size_t at) {
    return no_control(text.data() + at) ||
           std::ranges::all_of(text.substr(at, word), is_field_byte);
  };
  for (std::size_t at = 0; at + word < text.size(); at += word)
    if (!sound(at)) return false;
  return sound(text.size() - word);
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
