#pragma once

#include <cstddef>
#include <string_view>

namespace callerapi::detail {

/// Orders header names as HTTP compares them: ASCII letters without case. For the standard library
/// alone, where Headers is out of reach.
struct LessName {
  bool operator()(std::string_view a, std::string_view b) const noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
      if (lower(a[i]) != lower(b[i])) return lower(a[i]) < lower(b[i]);
    return a.size() < b.size();
  }
};

/// May a hook set this header? As the engine judges: no names that are no tokens, no control bytes,
/// no headers of the engine's own.
inline bool settable_header(std::string_view name, std::string_view value) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  for (const char c : name)
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
        marks.find(c) == marks.npos)
      return false;
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  const LessName less;
  for (const std::string_view own : {"Host", "Content-Length", "Transfer-Encoding", "Connection",
                                     "Upgrade", "TE", "Trailer", "Keep-Alive", "Expect"})
    if (!less(own, name) && !less(name, own)) return false;
  const std::string_view start = name.substr(0, 6);
  return !name.empty() && (name.size() <= 6 || less(start, "Proxy-") || less("Proxy-", start));
}

}  // namespace callerapi::detail
