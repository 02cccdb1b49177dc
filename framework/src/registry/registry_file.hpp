#pragma once

#include <filesystem>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::registry {

/// The bytes of a resolved file; at most one more than parse_toml() takes. Errors:
/// `registry_invalid`, reason `missing`.
Result<std::string> contents(const std::filesystem::path& file);

}  // namespace callerapi::registry
