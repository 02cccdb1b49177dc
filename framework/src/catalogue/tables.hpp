#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/endpoint.hpp"

namespace callerapi::catalogue {

/// Settings in the registry's own keys and texts: {"timeouts.total", "5s"}.
using SettingTexts = std::vector<std::pair<std::string, std::string>>;

struct EndpointTable {
  policy::Endpoint endpoint;
  SettingTexts policy;
};

/// What a plugin declares, copied and checked by host. Plain values.
struct PluginTables {
  std::string id;
  std::string version;
  std::string owner;
  SettingTexts policy;
  std::vector<EndpointTable> endpoints;
  /// Nobody has said what the service offers: no endpoint by name, and the registry's settings of
  /// endpoints cannot be checked.
  bool undeclared = false;
};

}  // namespace callerapi::catalogue
