#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"
#include "catalogue/snapshot.hpp"
#include "registry/auth_entry.hpp"
#include "registry/discovery_entry.hpp"
#include "registry/environment.hpp"
#include "wire/address_range.hpp"
#include "wire/name_settings.hpp"
#include "wire/proxy.hpp"
#include "wire/tls_context.hpp"

namespace callerapi::registry {

/// One `[services.X]`, expanded and checked as far as that goes without its plugin. A value.
struct ServiceEntry {
  std::string name, plugin, base_url;  ///< `plugin` as host::LoadRequest has it.
  std::string origin;                  ///< "registry.toml:12:1", where the service begins.
  std::string
      base_url_origin;  ///< "registry.toml:14", "environment BILLING_URL", a profile's line.
  std::string sha256;   ///< 64 lower-case digits, or empty.
  /// The variable that plugin or sha256 come from in place of the file; empty: none.
  std::string plugin_variable;
  bool pinned = false;           ///< unload = "pin": its library is never unmapped.
  bool allow_downgrade = false;  ///< A lower version may replace the running one.
  bool required = true;          ///< false: a bad plugin of it does not stop the others.
  bool watch = false;            ///< A new plugin file is loaded by itself.
  std::map<std::string, std::string> config;
  std::vector<wire::AddressRange> allow_addresses;
  std::optional<wire::Proxy> proxy;
  std::vector<policy::Site> instances;  ///< Empty: base_url is the only one, unless
  DiscoveryEntry discovery;             ///< somebody else says where they are.
  AuthEntry auth;
  wire::TlsSettings tls;  ///< Used when base_url is https; read from the files it names.
  catalogue::ServiceLayers layers;

  bool operator==(const ServiceEntry&) const = default;
};

/// A service with `required = false` that cannot be used for now, and why: its variables or files
/// are missing. Whoever loads the registry tells of it and goes on with what runs of it, if any.
struct Skipped {
  std::string name;
  Error why;
};

/// registry.toml after expansion and validation: what to load, with which settings. A value.
struct Registry {
  std::string caller_name, profile;
  std::filesystem::path plugin_dir;  ///< Absolute whenever the file's own folder is.
  bool require_pins = false;
  bool insecure_permissions = false;
  wire::NameSettings names;
  std::vector<ServiceEntry> services;  ///< By name.
  std::vector<Skipped> skipped;
  std::vector<std::string> warnings;  ///< For the log.
};

/// Reads and checks a registry file. Errors: `registry_invalid`; the message is
/// `file:line:column: key: what is wrong; what would be right`. All faults of a file are collected
/// into `all` when it is not null; the answer is the first, with "(+N more)". Who asks for all
/// reads the registry alone: only for him settings are held against built-in values here, for a
/// plugin may say something else. The file must belong to root or this user, as must its folders,
/// and nobody else may write to them, unless it sets insecure_permissions. Thread-safe.
Result<Registry> read_registry(const std::filesystem::path& file, const Environment& environment,
                               std::vector<Error>* all = nullptr);
/// The same from text; relative paths start at `directory`.
Result<Registry> parse_registry(std::string_view text, const std::string& shown_name,
                                const std::filesystem::path& directory,
                                const Environment& environment, std::vector<Error>* all = nullptr);

}  // namespace callerapi::registry
