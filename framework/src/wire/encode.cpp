#include "wire/encode.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>

#include "callerapi/headers.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

constexpr char digits[] = "0123456789ABCDEF";

constexpr bool is_alnum(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_unreserved(char c) noexcept {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}
constexpr bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// A '%' only where two digits follow.
bool is_uri_byte(std::string_view text, std::size_t at) noexcept {
  constexpr std::string_view reserved = ":/?#[]@!$&'()*+,;=";
  const char c = text[at];
  if (c == '%') return at + 2 < text.size() && is_hex(text[at + 1]) && is_hex(text[at + 2]);
  return is_unreserved(c) || reserved.find(c) != std::string_view::npos;
}

void append_percent(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

Error not_utf8(std::string_view name) {
  return {.outcome = Outcome::invalid_argument,
          .reason = "not_utf8",
          .message = "query parameter '" + printable(name) + "' is not UTF-8"};
}

Error control_byte(std::string_view name) {
  return {.outcome = Outcome::invalid_argument,
          .reason = "illegal_byte",
          .message = "query parameter '" + printable(name) + "' holds a control byte"};
}

bool has_control(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

/// Bytes of the character that starts with `lead`; 0 for a byte that starts none.
std::size_t length_of(unsigned char lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

}  // namespace

void append_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      append_percent(out, c);
    }
  }
}

void append_reserved(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_uri_byte(text, i)) {
      out += text[i];
    } else {
      append_percent(out, text[i]);
    }
  }
}

bool is_uri_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!is_uri_byte(text, i)) return false;
  return true;
}

bool leads_elsewhere(std::string_view target) noexcept {
  std::size_t dots = 0;
  bool other = false;
  for (std::size_t i = 0; i <= target.size(); ++i) {
    char c = i < target.size() ? target[i] : '?';
    if (c == '%') {
      const std::string_view hex = target.substr(i + 1, 2);
      c = same_name(hex, "2e") ? '.' : same_name(hex, "2f") || same_name(hex, "5c") ? '/' : '%';
      i += 2;
    }
    if (c == '.') {
      ++dots;
    } else if (c == '/' || c == '?' || c == '#') {
      if (!other && (dots == 1 || dots == 2)) return true;
      if (c != '/') return false;
      dots = 0;
      other = false;
    } else {
      other = true;
    }
  }
  return false;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = length_of(lead);
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xc0) != 0x80) return false;
      code = (code << 6) | (byte & 0x3f);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return false;
    i += length;
  }
  return true;
}

Result<void> append_query(std::string& target, const Pairs& pairs) {
  char separator = target.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : pairs) {
    if (!is_utf8(name) || !is_utf8(value)) return not_utf8(name);
    if (has_control(name) || has_control(value)) return control_byte(name);
    target += std::exchange(separator, '&');
    append_encoded(target, name);
    target += '=';
    append_encoded(target, value);
  }
  return {};
}

std::string encode_form(const Pairs& pairs) {
  std::string out;
  const auto append = [&out](std::string_view text) {
    for (const char c : text) {
      if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '*') {
        out += c;
      } else if (c == ' ') {
        out += '+';
      } else {
        append_percent(out, c);
      }
    }
  };
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    append(name);
    out += '=';
    append(value);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a NUL
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace callerapi::wire
