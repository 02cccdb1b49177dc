#include "base/utf8.hpp"

namespace callerapi::base {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// Length of the UTF-8 sequence that begins `text`, as far as it is right; `whole`: all of it is.
std::size_t sequence(std::string_view text, bool& whole) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t size = 1;
  unsigned low = 0x80, high = 0xbf;  // of the second byte: no overlong forms, no surrogates
  if (lead >= 0xc2 && lead <= 0xdf) size = 2;
  if (lead >= 0xe0 && lead <= 0xef) size = 3;
  if (lead >= 0xf0 && lead <= 0xf4) size = 4;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  std::size_t right = 1;
  while (right < size && right < text.size() && byte(right) >= low && byte(right) <= high) {
    low = 0x80;
    high = 0xbf;
    ++right;
  }
  whole = right == size && (size > 1 || lead < 0x80);
  return right;
}

}  // namespace

std::string as_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    bool whole = false;
    const std::size_t size = sequence(text, whole);
    out.append(whole ? text.substr(0, size) : replacement);
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace callerapi::base
