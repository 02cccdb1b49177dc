#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/headers.hpp"
#include "callerapi/result.hpp"

namespace callerapi::wire {

/// A request head before it is bytes. Views live until append_head() returns.
struct RequestHead {
  std::string_view method;
  std::string_view target;
  std::string_view authority;
  const Headers* headers = nullptr;
  bool to_proxy = false;                 ///< The target is then the whole URL.
  std::string_view proxy_authorization;  ///< Sent when not empty.
  bool has_body = false;
  std::optional<std::uint64_t> content_length;  ///< nullopt with a body: chunked.
};

/// Appends the head with its empty line, framing always explicit (RFC 9112 6). Every byte is
/// checked first, so nothing of a refused request leaves. Errors: `invalid_argument` with reason
/// illegal_byte, reserved_header or request_head; the field is named, its value is not.
Result<void> append_head(std::string& out, const RequestHead& head);

/// Fields that only the engine may set.
bool is_reserved_header(std::string_view name) noexcept;

void append_chunk_head(std::string& out, std::uint64_t size);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace callerapi::wire
