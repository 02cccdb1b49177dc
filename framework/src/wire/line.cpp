#include "wire/line.hpp"

#include "wire/encode.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {

bool is_line(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0)) return false;
  }
  return is_utf8(text);
}

std::string line_of(std::string_view text, std::size_t bytes_max) {
  std::string_view shown = text.substr(0, bytes_max);
  // One that fills its place may end within a character.
  for (int cut = 0; cut < 3 && shown.size() + 4 > bytes_max && !is_utf8(shown); ++cut)
    shown.remove_suffix(1);
  if (!is_line(shown)) return printable(text, bytes_max);
  return std::string(shown) + (text.size() > bytes_max ? "..." : "");
}

}  // namespace callerapi::wire
