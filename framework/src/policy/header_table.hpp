#pragma once

#include <span>
#include <string>
#include <string_view>

namespace callerapi::policy {

/// A field that the engine sends or reads, beside the framing of HTTP/1.1, by its built-in name.
struct HeaderRow {
  std::string_view name;
  std::string_view value;  ///< What it says, or what it does where it is only read.
  std::string_view when;   ///< Of a field that is sent.
};

std::span<const HeaderRow> sent_fields();
/// Of answers.
std::span<const HeaderRow> read_fields();
/// Of inbound requests, by Context::from_headers.
std::span<const HeaderRow> inbound_fields();

/// docs/reference/headers.md, as a test compares it.
std::string headers_reference();

}  // namespace callerapi::policy
