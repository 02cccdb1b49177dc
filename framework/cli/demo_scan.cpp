#include "demo_scan.hpp"

#include <Poco/Unicode.h>

#include <cstddef>

namespace callerapi::cli {
namespace {

constexpr int accent_first = 0x300, accent_last = 0x331;

/// The code point at `at`, which moves behind it. The text is UTF-8, so nothing is checked.
int next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  int c = lead >= 0xf0 ? lead & 0x07 : lead >= 0xe0 ? lead & 0x0f : lead & 0x1f;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
    c = (c << 6) | (static_cast<unsigned char>(text[at++]) & 0x3f);
  return c;
}

bool in_word(int c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  Poco::Unicode::CharacterProperties properties;
  Poco::Unicode::properties(c, properties);
  return properties.category == Poco::Unicode::UCP_LETTER ||
         properties.category == Poco::Unicode::UCP_NUMBER ||
         properties.type == Poco::Unicode::UCP_PRIVATE_USE;
}

}  // namespace

bool holds_word(std::string_view text, std::string_view word) {
  std::size_t matched = 0;
  bool same = true;  // so far this run is the beginning of `word`
  for (std::size_t at = 0; at < text.size();) {
    const int c = next_code_point(text, at);
    // A combining accent belongs to the letter before it and is folded away.
    if (matched > 0 && c >= accent_first && c <= accent_last) continue;
    if (!in_word(c)) {
      if (same && matched == word.size()) return true;
      matched = 0;
      same = true;
      continue;
    }
    const int lower = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    same = same && matched < word.size() && lower == word[matched];
    ++matched;
  }
  return same && matched == word.size() && matched > 0;
}

}  // namespace callerapi::cli
