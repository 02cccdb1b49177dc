#pragma once

#include <string>
#include <string_view>

#include "callerapi/result.hpp"
#include "registry/node.hpp"

namespace callerapi::registry {

/// Reads TOML. What could exhaust the parser (a file, line or dotted key beyond base/limits.hpp) is
/// refused before it runs. Errors: `registry_invalid` with reason too_large, too_deep,
/// duplicate_key or syntax; the message begins with `shown_name:line:column`.
Result<Node> parse_toml(std::string_view text, const std::string& shown_name);

}  // namespace callerapi::registry
