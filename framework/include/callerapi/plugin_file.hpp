#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/export.hpp"
#include "callerapi/result.hpp"
#include "callerapi/stats.hpp"

/// Plugins as files: what a team looks at, tries and installs before anybody calls. The program
/// `callerapi plugin` prints what these answer. Nothing here runs code of a plugin in this process;
/// every function may block, is thread-safe, and answers `plugin_rejected` with a stable reason
/// (docs/reference/plugin_errors.md) or `registry_invalid`.
namespace callerapi {

/// What a plugin file says of itself. A value.
struct PluginFile {
  std::string file;  ///< As it was named.
  std::string id, version, compiler;
  std::uint16_t abi_major = 0, abi_minor = 0;
  std::uint64_t min_host_version = 0;  ///< Packed as in version.hpp.
  std::string build_id;                ///< Hexadecimal; empty when the linker left none.
  std::string sha256;
  std::uint64_t bytes = 0;
  std::vector<std::string> needed;    ///< Libraries it is linked with.
  std::vector<std::string> warnings;  ///< What may cost later.
};

/// Reads the file as the loader does before it loads, its mode and owner aside: no code is mapped.
CALLERAPI_API Result<PluginFile> inspect_plugin(const std::string& file);

/// What a plugin declares. A value.
struct PluginContract {
  std::string owner;
  std::vector<std::string> hooks;  ///< sign, on_request, on_response, map_error
  std::vector<EndpointInfo> endpoints;
};

/// Loads it in a child process and asks. `probe` names callerapi-probe, empty: the installed one.
CALLERAPI_API Result<PluginContract> describe_plugin(const std::string& file,
                                                     const std::string& probe = "");

/// One rule of the conformance kit, and how the plugin fared.
struct PluginCheck {
  /// warned: the loader takes it and would say so; skipped: it does not apply, see `text`.
  enum class Verdict : std::uint8_t { passed, warned, failed, skipped };
  std::string name;
  Verdict verdict = Verdict::passed;
  std::string text;  ///< What was seen, or why it was not tried.
};

/// What a plugin's create() finds under HostView::config().
using PluginConfig = std::map<std::string, std::string>;

/// Runs the kit: the file is looked at, then each check loads it in a child process of its own,
/// with limits on time, memory and descriptors. With a `config` the plugin must be made with it;
/// without, every key there is answers "1", and a plugin that cannot be made so has the checks that
/// need it skipped. An Error means that the file could not be read.
CALLERAPI_API Result<std::vector<PluginCheck>> check_plugin(
    const std::string& file, const std::string& probe = "",
    const std::optional<PluginConfig>& config = std::nullopt);

/// The keys of a TOML file, as they stand in `[services.X.config]`: texts, whole numbers, booleans;
/// `${VAR}` and `${file:path}` are put in, paths relative to the file. Errors: `invalid_argument`,
/// with file, line, column and key.
CALLERAPI_API Result<PluginConfig> read_plugin_config(const std::string& file);
/// What a registry has as `config` of a service. Errors: `registry_invalid`; `unknown_service`,
/// naming the nearest.
CALLERAPI_API Result<PluginConfig> service_config(const std::string& registry,
                                                  const std::string& service);

/// What a registry now names for a service, and what it named before. A value.
struct PluginChange {
  std::string service;
  std::string file;                    ///< What will be loaded, inside plugin_dir.
  std::string plugin, sha256;          ///< As the registry now says.
  std::string was_plugin, was_sha256;  ///< As it said; an empty sum: it had no pin.
  std::string version, was_version;    ///< Empty: that file could not be read.
};

/// Tries the plugin, copies it into plugin_dir under the name of its digest and makes the registry
/// name and pin it; `service` empty: the service of the plugin's own id. The registry's other text
/// is kept to the byte, and both files appear whole or not at all. Refuses what would break the
/// callers of the file that is named now.
CALLERAPI_API Result<PluginChange> install_plugin(const std::string& registry,
                                                  const std::string& service,
                                                  const std::string& file,
                                                  const std::string& probe = "");
/// Goes back to what the service named before its last install; again: one step further, up to
/// five. `to` names a step instead, by its plugin or its version, also a later one that was taken
/// back. Only to a file that is still there, unchanged. The steps are kept beside the registry and
/// change before it; which of them is in force is told by the registry alone, so that a crash at
/// any point leaves both whole and true. Errors: `registry_invalid`, reason `no_record`: there is
/// no such step; `plugin_rejected`: its file is gone or another.
CALLERAPI_API Result<PluginChange> rollback_plugin(const std::string& registry,
                                                   const std::string& service,
                                                   const std::string& to = "");

/// One state of a service that rollback_plugin() can bring back. A value.
struct PluginStep {
  std::string plugin, version;  ///< An empty version: its file could not be read then.
  std::string sha256;           ///< Of its file; empty: there was none to be read.
  std::string installed;        ///< RFC 3339, UTC; empty: before the first install.
  bool in_force = false;        ///< The registry names it now.
  std::string trouble;          ///< Why it cannot be gone back to; empty: it can.
};

/// The states of a service, the latest first: the one in force, five before it, and those that were
/// taken back since the last install. Never empty. Changes nothing.
CALLERAPI_API Result<std::vector<PluginStep>> plugin_history(const std::string& registry,
                                                             const std::string& service);

}  // namespace callerapi
