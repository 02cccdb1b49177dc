#pragma once

#include <span>
#include <string>

namespace callerapi::base {

/// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const char> bytes);

}  // namespace callerapi::base
