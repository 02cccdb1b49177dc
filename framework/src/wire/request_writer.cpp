#include "wire/request_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/limits.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

Error refuse(std::string reason, std::string text) {
  return {.outcome = Outcome::invalid_argument,
          .reason = std::move(reason),
          .message = std::move(text)};
}

Result<void> check(const RequestHead& head) {
  if (!is_token(head.method))
    return refuse("illegal_byte", "the method is not a token of RFC 9110 5.6.2");
  const auto visible = [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  };
  const bool form = head.target == "*" || head.target.starts_with('/');
  if (!form || !std::ranges::all_of(head.target, visible) ||
      head.target.find('#') != std::string_view::npos)
    return refuse("illegal_byte",
                  "the path holds a space, control, '#' or non-ASCII byte; percent-encode it");
  if (head.target.size() > base::limits::request_target_bytes_max)
    return refuse("request_head",
                  "the path is " + std::to_string(head.target.size()) + " bytes long, at most " +
                      std::to_string(base::limits::request_target_bytes_max) + " allowed");
  for (const auto [name, value] : *head.headers) {
    if (!is_token(name))
      return refuse("illegal_byte", "a header name is not a token of RFC 9110 5.6.2");
    if (!is_field_value(value))
      return refuse("illegal_byte",
                    "header '" + std::string(name) + "' holds a control byte in its value");
    if (is_reserved_header(name))
      return refuse("reserved_header",
                    "header '" + std::string(name) + "' is set by the engine alone; leave it out");
  }
  return {};
}

// Behind the fields: a framing field with its number, and the names of Proxy-Authorization.
constexpr std::size_t framing_bytes = 96;

std::size_t size_at_most(const RequestHead& head) {
  return head.method.size() + head.target.size() + 2 * head.authority.size() +
         head.headers->bytes() + 4 * head.headers->size() + head.proxy_authorization.size() +
         framing_bytes;
}

char* put(char* at, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

void append_fields(std::string& out, const Headers& fields) {
  const std::size_t begin = out.size();
  out.resize(begin + fields.bytes() + 4 * fields.size());
  char* at = out.data() + begin;
  for (const auto [name, value] : fields) at = put(put(put(put(at, "\r\n"), name), ": "), value);
}

}  // namespace

bool is_reserved_header(std::string_view name) noexcept {
  constexpr std::string_view proxy = "Proxy-";
  if (name.size() > proxy.size() && same_name(name.substr(0, proxy.size()), proxy)) return true;
  const auto is = [&](std::string_view reserved) { return same_name(name, reserved); };
  switch (name.size()) {
    case 2:
      return is("TE");
    case 4:
      return is("Host");
    case 6:
      return is("Expect");
    case 7:
      return is("Upgrade") || is("Trailer");
    case 10:
      return is("Connection") || is("Keep-Alive");
    case 14:
      return is("Content-Length");
    case 17:
      return is("Transfer-Encoding");
    default:
      return false;
  }
}

Result<void> append_head(std::string& out, const RequestHead& head) {
  if (auto checked = check(head); !checked) return checked;
  const std::size_t begin = out.size();
  out.reserve(begin + size_at_most(head));
  out.append(head.method).append(1, ' ');
  if (head.to_proxy) out.append("http://").append(head.authority);
  // RFC 9112 3.2.4: the `*` of OPTIONS is an absent path in a whole URL.
  out.append(head.to_proxy && head.target == "*" ? std::string_view() : head.target)
      .append(" HTTP/1.1\r\nHost: ")
      .append(head.authority);
  append_fields(out, *head.headers);
  if (!head.proxy_authorization.empty())
    out.append("\r\nProxy-Authorization: ").append(head.proxy_authorization);
  const bool expected = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  if (head.has_body && !head.content_length) {
    out += "\r\nTransfer-Encoding: chunked";
  } else if (head.has_body || expected) {
    std::array<char, 20> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), head.content_length.value_or(0))
            .ptr;
    out.append("\r\nContent-Length: ").append(digits.data(), end);
  }
  out += "\r\n\r\n";
  if (const std::size_t size = out.size() - begin; size > base::limits::request_head_bytes_max) {
    out.resize(begin);
    return refuse("request_head",
                  "the request head is " + std::to_string(size) + " bytes long, at most " +
                      std::to_string(base::limits::request_head_bytes_max) + " allowed");
  }
  return {};
}

void append_chunk_head(std::string& out, std::uint64_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end).append("\r\n");
}

}  // namespace callerapi::wire
