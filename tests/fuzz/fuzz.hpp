#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"
#include "wire/encode.hpp"

namespace callerapi::fuzz {

/// Ends the program, which is how a fuzzer learns that a rule is broken.
inline void must(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken rule: %s\n", rule);
  std::abort();
}

/// One fuzz input, taken apart line by line so that a seed can be read and written by hand.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  /// The next line without its '\n'; empty at the end.
  std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }
  std::string_view rest() const { return rest_; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

inline bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

/// An error has an outcome, a stable token, and one line for people, whatever the input was.
inline void must_be_sound(const Error& error) {
  must(error.outcome != Outcome::ok, "an error has an outcome");
  must(!error.reason.empty() && std::ranges::all_of(error.reason,
                                                    [](char c) {
                                                      return (c >= 'a' && c <= 'z') || c == '_' ||
                                                             (c >= '0' && c <= '9');
                                                    }),
       "a reason is a token");
  must(!error.message.empty() && !has_control(error.message), "an error text is one line");
  must(wire::is_utf8(error.message), "an error text is UTF-8");
  must(error.message.size() < 4096, "an error text is short");
}

/// Unreserved and reserved characters and whole %XX: what RFC 3986 allows in a URI.
inline bool is_uri(std::string_view text) {
  constexpr std::string_view others = "-._~:/?#[]@!$&'()*+,;=";
  const auto alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])) return false;
    } else if (!alnum(text[i]) && others.find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

/// Every %XX replaced by its byte, once, as a server does it.
inline std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out +=
          static_cast<char>(std::strtoul(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// A `.` or `..` between separators, once the path is decoded.
inline bool has_dot_segment(std::string_view path) {
  const std::string decoded = percent_decoded(path);
  for (std::size_t at = 0; at <= decoded.size();) {
    const std::size_t end = std::min(decoded.find_first_of("/\\", at), decoded.size());
    const std::string segment = decoded.substr(at, end - at);
    if (segment == "." || segment == "..") return true;
    at = end + 1;
  }
  return false;
}

}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
