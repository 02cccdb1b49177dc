#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::registry {

using Environment = std::map<std::string, std::string>;

/// This process's own. Not safe beside setenv() of another thread.
Environment process_environment();
/// Adds the NAME=value lines of a file beneath what is there already: what is set stays. Blank
/// lines, `#` lines and a leading `export ` are skipped; quotes around a value fall away. Errors:
/// `registry_invalid`, reason `env_file`.
Result<void> add_env_file(Environment& environment, const std::filesystem::path& path);

struct Expanded {
  std::string text;
  bool changed = false;  ///< Something was put in.
  bool secret = false;   ///< Some of it came from a file: never to be shown.
};

/// Replaces ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:path} and $$, once: what is put in is
/// not looked at again. An empty variable counts as missing. Relative paths start at `directory`;
/// line ends at the end of a file fall away. Errors: `registry_invalid` with reason env_missing,
/// file or expansion; the text names the variable, never a value.
Result<Expanded> expand(std::string_view text, const Environment& environment,
                        const std::filesystem::path& directory);

}  // namespace callerapi::registry
