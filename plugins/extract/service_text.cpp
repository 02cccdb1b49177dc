#include "extract/service_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace extract {
namespace {

constexpr std::size_t title_bytes_max = 120;

/// Length of the well-formed UTF-8 sequence at the front (RFC 3629), 0 if there is none.
std::size_t sequence(std::string_view s) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                           : lead >= 0xe0 && lead <= 0xef ? 3
                           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                          : 0;
  if (size == 0 || s.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : size;
}

bool ends_with(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         std::equal(ending.begin(), ending.end(),
                    name.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

}  // namespace

std::string to_utf8(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = sequence(bytes);
    const auto c = static_cast<unsigned char>(bytes.front());
    if (size == 0) {
      text += static_cast<char>(0xc0 | (c >> 6));
      text += static_cast<char>(0x80 | (c & 0x3f));
    } else if ((c < ' ' && c != '\n' && c != '\t' && c != '\f') || c == 0x7f) {
      if (c != '\r') text += ' ';
    } else {
      text.append(bytes.substr(0, size));
    }
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return text;
}

std::string first_line(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto first = line.find_first_not_of("#=*-_> \t\f");
    if (first == std::string_view::npos) continue;
    line.remove_prefix(first);
    line = line.substr(0, line.find_last_not_of("#=*- \t\f") + 1);
    if (line.size() > title_bytes_max) {
      std::size_t cut = title_bytes_max;
      while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xc0) == 0x80) --cut;
      line = line.substr(0, cut);
    }
    return std::string(line);
  }
  return {};
}

std::string sniff(std::string_view bytes, std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> magic{{
      {"%PDF-", "application/pdf"},
      {"\x89PNG\r\n", "image/png"},
      {"\xff\xd8\xff", "image/jpeg"},
      {"II*", "image/tiff"},
      {"P5", "image/x-portable-graymap"},
      {"<!DOCTYPE html", "text/html"},
      {"<html", "text/html"},
  }};
  for (const auto& [mark, type] : magic)
    if (bytes.starts_with(mark)) return std::string(type);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> endings{{
      {".html", "text/html"},
      {".htm", "text/html"},
      {".md", "text/markdown"},
      {".json", "application/json"},
  }};
  for (const auto& [ending, type] : endings)
    if (ends_with(name, ending)) return std::string(type);
  return "text/plain";
}

}  // namespace extract
