#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::registry {

/// The whole content of a regular file of at most `bytes_max` bytes. Errors: `registry_invalid`
/// with reason `file`; the message says why without naming the file: "is not a file".
Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max);

}  // namespace callerapi::registry
