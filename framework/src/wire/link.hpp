#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "callerapi/headers.hpp"

namespace callerapi::wire {

/// The target of the first link with relation `rel` (compared without case) in the Link fields of a
/// response (RFC 8288 3), as it was sent; nullopt: there is none. A field that breaks the grammar
/// ends the search in it: what follows cannot be told apart.
std::optional<std::string> link_target(const Headers& headers, std::string_view rel);

}  // namespace callerapi::wire
