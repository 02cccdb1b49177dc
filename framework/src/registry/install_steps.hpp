#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"
#include "registry/plugin_text.hpp"

namespace callerapi::registry {

/// What a registry named for a service at some time. A value.
struct InstallStep {
  PluginText words;         ///< As they stand in the registry.
  std::string plugin;       ///< Their meaning: "billing-3b95442e0767b10c".
  std::string file_sha256;  ///< Of the file it was; empty: there was none to be read.
  std::string version;      ///< That the file said; may be empty.
  std::string at;           ///< RFC 3339: since when. Empty: since before the first install.

  bool operator==(const InstallStep&) const = default;
};

/// Every state of a service that an install or a rollback can leave, the latest first, no words
/// twice. Which one is in force is not kept: it is the one whose words the registry has, so that a
/// crash between this file and the registry leaves both true.
using InstallSteps = std::vector<InstallStep>;

/// The one in force and five to go back to.
inline constexpr std::size_t install_steps_max = 6;

/// The step with these words; the number of steps when there is none.
std::size_t step_of(const InstallSteps& steps, const PluginText& words) noexcept;

/// What an install makes of them: `next` comes first, then `now` and what was before it. What had
/// been taken back, and what is older than install_steps_max, goes.
InstallSteps installed(InstallSteps steps, InstallStep now, InstallStep next);

/// The file they are kept in, TOML.
std::string format_steps(const std::string& service, const InstallSteps& steps);
/// Errors: `registry_invalid`, reason `no_record` for a file that holds no steps, or as
/// parse_toml().
Result<InstallSteps> parse_steps(std::string_view text, const std::string& shown_name);

}  // namespace callerapi::registry
