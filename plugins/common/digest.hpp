#pragma once

#include <string>
#include <string_view>

/// What the signing plugins have in common. Thread-safe; throws std::runtime_error when libcrypto
/// refuses, as it does without memory.
namespace signing {

/// 32 raw bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Two lower-case digits a byte.
std::string hex(std::string_view bytes);

}  // namespace signing
