#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace callerapi::registry {

/// Who says where a service runs: `discovery` and `instances_from` of the registry. A value.
struct DiscoveryEntry {
  enum class Kind : std::uint8_t {
    listed,  ///< "static": base_url alone, or the registry's `instances`.
    dns,     ///< Every address of the host of base_url.
    srv,     ///< Where the SRV records of a name lead.
    file,    ///< A file of instances, see instances_file.hpp.
    http,    ///< What another service of the registry answers.
  };
  Kind kind = Kind::listed;
  std::string from;                   ///< srv: that name; file: its path, from the registry's
                                      ///< folder on; http: that service,
  std::string path;                   ///< and what is asked of it.
  bool insecure_permissions = false;  ///< file: others may write it, too.

  bool operator==(const DiscoveryEntry&) const = default;
};

/// As the registry writes it: "static".
std::string_view name(DiscoveryEntry::Kind kind) noexcept;

}  // namespace callerapi::registry
