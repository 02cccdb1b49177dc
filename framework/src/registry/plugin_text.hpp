#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::registry {

/// The values of a service's `plugin` and `sha256` as they stand in the file, quotes included.
struct PluginText {
  std::string plugin;
  std::optional<std::string> sha256;  ///< Nothing: the key is not there.

  bool operator==(const PluginText&) const = default;
};

/// Errors: `registry_invalid`; reason `edit` when the service or its plugin is not in the file.
Result<PluginText> plugin_text(std::string_view file, const std::string& shown_name,
                               const std::string& service);

/// The file with these values instead, and every other byte as it was. The result is read again and
/// compared: it says what it should and else nothing new. Errors: `registry_invalid`; reason `edit`
/// when the text around the keys is of a kind that is not edited here.
Result<std::string> with_plugin_text(std::string_view file, const std::string& shown_name,
                                     const std::string& service, const PluginText& to);

}  // namespace callerapi::registry
