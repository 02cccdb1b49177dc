#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::registry {

/// One `[services.X.auth]`, expanded and checked. A value; members of other types are empty.
struct AuthEntry {
  enum class Type : std::uint8_t { none, bearer, basic, oauth2 };
  Type type = Type::none;
  std::string secret;                 ///< The token, password or client secret, or
  std::filesystem::path secret_file;  ///< the file that holds it and may change.
  std::string username;
  std::string token_service, token_path, client_id, scope, audience;

  bool operator==(const AuthEntry&) const = default;
};

/// "none", "bearer", "basic", "oauth2".
std::string_view name(AuthEntry::Type) noexcept;

/// What a file with one secret holds, without the line ends at its end. Errors: `registry_invalid`,
/// reason `file`; the text says why and shows nothing of the file, nor its name.
Result<std::string> read_secret_file(const std::filesystem::path& file);

}  // namespace callerapi::registry
