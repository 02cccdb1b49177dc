#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "callerapi/result.hpp"

namespace callerapi::wire {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// RFC 3986: everything but the unreserved characters becomes %XX.
void append_encoded(std::string& out, std::string_view text);
/// Keeps reserved characters and existing %XX as they are (RFC 6570 `+`).
void append_reserved(std::string& out, std::string_view text);
/// Unreserved and reserved characters and whole %XX, as RFC 3986 has them in a URI.
bool is_uri_text(std::string_view text) noexcept;
/// Has the path of `target` a `.` or `..` segment for a server that decodes before it resolves?
/// What is encoded counts, and what values and literals make together: `/.{id}` with `/x`.
bool leads_elsewhere(std::string_view target) noexcept;
/// Well-formed UTF-8, no overlong forms, no surrogates.
bool is_utf8(std::string_view text) noexcept;
/// `?a=b&c=d` or `&...` when `target` already has a query. A space is %20. Errors: not_utf8,
/// illegal_byte for a control byte.
Result<void> append_query(std::string& target, const Pairs& pairs);
/// application/x-www-form-urlencoded, a space as '+'.
std::string encode_form(const Pairs& pairs);
/// RFC 4648 4, padded.
std::string base64(std::string_view bytes);

}  // namespace callerapi::wire
