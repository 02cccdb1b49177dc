#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace callerapi::wire {

/// How many bytes at the front may be of a token.
std::size_t token_size(std::string_view text) noexcept;
/// RFC 9110 5.6.2: what names of fields and methods are made of.
bool is_token(std::string_view text) noexcept;
/// RFC 9110 5.5: visible bytes, spaces and tabs; no CR, LF, NUL or other control.
bool is_field_value(std::string_view text) noexcept;
/// Without the spaces and tabs around it.
std::string_view trim(std::string_view text) noexcept;
/// Framing, routing and credentials mean nothing behind a body (RFC 9110 6.5.1): a caller that
/// merges trailers into its own headers must not be steered by them.
bool is_forbidden_trailer(std::string_view name) noexcept;
/// Bytes of a peer for an error text: what is not printable ASCII is escaped, at most `shown_max`
/// bytes are shown.
std::string printable(std::string_view bytes, std::size_t shown_max = 64);

}  // namespace callerapi::wire
