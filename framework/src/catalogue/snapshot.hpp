#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "callerapi/result.hpp"
#include "catalogue/resolve.hpp"
#include "catalogue/tables.hpp"
#include "policy/callee.hpp"
#include "policy/discovery.hpp"
#include "policy/endpoint.hpp"
#include "policy/prepared.hpp"
#include "wire/uri_template.hpp"
#include "wire/url.hpp"

namespace callerapi::catalogue {

/// One endpoint with everything a call needs. Immutable.
struct Endpoint {
  policy::Endpoint declared;
  wire::UriTemplate path;
  Effective settings;
  policy::EndpointMeter* meter = nullptr;  ///< Of the service's state.
};

/// One service of one generation. Immutable; shared by snapshots that agree on it.
struct Service : policy::Callee {
  std::string name, plugin_id, plugin_version, owner;
  wire::BaseUrl base_url;
  std::string base_url_text, authority, user_agent, caller_name;
  std::map<std::string, Endpoint, std::less<>> endpoints;
  Effective settings;                            ///< For ad-hoc requests,
  policy::EndpointMeter* meter = nullptr;        ///< and so is this.
  std::shared_ptr<policy::Discovery> discovery;  ///< Says what `instances` are next.
  bool undeclared = false;                       ///< As PluginTables has it.

  policy::ServiceView view() const noexcept {
    return {name, base_url.scheme, authority, base_url.path, user_agent, caller_name};
  }
};

/// Where the settings of one service come from, lowest level first but for the plugin's own.
struct ServiceLayers {
  bool operator==(const ServiceLayers&) const = default;
  Layer defaults, service, environment, clamps;
  std::map<std::string, Layer, std::less<>> endpoints, environment_endpoints;
};

/// Compiles and resolves what a plugin declares and the registry sets; `instances`, `discovery`,
/// `state`, `credential` and `code` are left for the caller to fill. Errors: `registry_invalid`.
Result<std::shared_ptr<Service>> make_service(const std::string& name, const PluginTables& tables,
                                              const ServiceLayers& layers);

/// Looks names up without making a std::string of them.
struct NameHash : std::hash<std::string_view> {
  using is_transparent = void;
};

/// The published whole. Immutable.
struct Snapshot {
  std::uint64_t number = 0;
  boost::unordered_flat_map<std::string, std::shared_ptr<const Service>, NameHash, std::equal_to<>>
      services;
  /// Those that may come to run elsewhere: who looks for instances goes through no others.
  std::vector<std::shared_ptr<const Service>> discovering;
  /// Those whose instances are asked whether they are well.
  std::vector<std::shared_ptr<const Service>> checking;

  /// What is found lives as long as the snapshot: to look costs no count of its owners. Errors:
  /// `unknown_service`, naming the nearest.
  Result<const std::shared_ptr<const Service>*> find(std::string_view name) const;
};

/// Errors: `unknown_endpoint`, naming the nearest.
Result<const Endpoint*> find_endpoint(const Service& service, std::string_view name);

}  // namespace callerapi::catalogue
