#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "callerapi/abi/v1.h"

namespace callerapi::dsl {

/// A string that can be a template argument.
template <std::size_t N>
struct Text {
  char chars[N]{};
  constexpr Text(const char (&text)[N]) {
    for (std::size_t i = 0; i < N; ++i) chars[i] = text[i];
  }
  constexpr std::string_view view() const { return {chars, N - 1}; }
};

/// The same text for the C interface; borrowed.
constexpr capi_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

/// FNV-1a over text and separators: names a contract's shape in 64 bits.
constexpr std::uint64_t hash(std::uint64_t seed, std::string_view text) noexcept {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return (seed ^ 0xff) * 0x100000001b3u;
}
inline constexpr std::uint64_t hash_begin = 0xcbf29ce484222325u;

// What an endpoint and a method may be called.
constexpr bool is_name(std::string_view text) {
  for (const char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  return !text.empty() && text.front() >= 'a';
}
constexpr bool is_method(std::string_view text) {
  for (const char c : text)
    if (!((c >= 'A' && c <= 'Z') || c == '-')) return false;
  return !text.empty();
}

/// Does `{name}` stand in the template, alone or in a list, with or without operator? By value:
/// under UBSan g++ 12 takes no pointer into a template argument for known to be non-null.
template <std::size_t N, std::size_t M>
constexpr bool has_hole(Text<N> template_text, Text<M> name_text) {
  const std::string_view path = template_text.view(), name = name_text.view();
  for (std::size_t open = path.find('{'); open != std::string_view::npos;
       open = path.find('{', open + 1)) {
    std::string_view inner = path.substr(open + 1, path.find('}', open) - open - 1);
    if (!inner.empty() && std::string_view("+#./;?&").find(inner.front()) != std::string_view::npos)
      inner.remove_prefix(1);
    while (!inner.empty()) {
      const auto comma = inner.find(',');
      if (inner.substr(0, comma) == name) return true;
      inner = comma == std::string_view::npos ? std::string_view() : inner.substr(comma + 1);
    }
  }
  return false;
}
/// How many names stand in the holes of a template.
template <std::size_t N>
constexpr std::size_t holes(Text<N> path) {
  std::size_t count = 0;
  bool inside = false;
  for (const char c : path.view()) {
    if (c == '{') ++count, inside = true;
    if (c == '}') inside = false;
    if (c == ',' && inside) ++count;
  }
  return count;
}

}  // namespace callerapi::dsl
