#pragma once

#include <sys/types.h>

#include <filesystem>
#include <span>

#include "callerapi/result.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::registry {

/// Puts a whole file in place of what is there, or of nothing: written beside it, brought to the
/// disk, then renamed. Owner and mode of what was there are kept; else the mode is `mode`. Readers
/// see the one or the other. Errors: `registry_invalid`, reason `write`; then nothing has changed.
Result<void> replace_file(const std::filesystem::path& file, std::span<const char> bytes,
                          mode_t mode);

/// Holds off everybody else who changes files of this folder in this way, until it goes. Errors: as
/// above.
Result<host::Fd> lock_folder(const std::filesystem::path& folder);

}  // namespace callerapi::registry
