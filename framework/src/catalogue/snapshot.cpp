#include "catalogue/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/nearest.hpp"
#include "callerapi/version.hpp"
#include "catalogue/publication.hpp"

namespace callerapi::catalogue {
namespace detail {

std::uint64_t next_epoch() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace detail

namespace {

using EndpointLayers = std::map<std::string, Layer, std::less<>>;

const Layer* layer_for(const EndpointLayers& layers, const std::string& endpoint) {
  const auto found = layers.find(endpoint);
  return found == layers.end() ? nullptr : &found->second;
}

template <class Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  names.reserve(map.size());
  for (const auto& [name, value] : map) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t shown_max = 12;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < shown_max; ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > shown_max) text += ", ... (" + std::to_string(names.size()) + " in all)";
  return text;
}

std::string hint(std::string_view wrong, const std::vector<std::string>& names) {
  const std::string near = base::nearest(wrong, names);
  return near.empty() ? "there are " + listed(names) : "did you mean '" + near + "'?";
}

/// All endpoints feed one breaker: where its window is derived, the longest of theirs holds.
void share_breaker(Service& service) {
  policy::BreakerTerms& terms = service.settings.policy.breaker;
  for (const auto& [name, endpoint] : service.endpoints)
    terms.window = std::max(terms.window, endpoint.settings.policy.breaker.window);
  for (auto& [name, endpoint] : service.endpoints) endpoint.settings.policy.breaker = terms;
}

}  // namespace

Result<std::shared_ptr<Service>> make_service(const std::string& name, const PluginTables& tables,
                                              const ServiceLayers& layers) {
  auto service = std::make_shared<Service>();
  service->name = name;
  service->plugin_id = tables.id;
  service->plugin_version = tables.version;
  service->owner = tables.owner;
  service->undeclared = tables.undeclared;
  service->user_agent =
      "callerapi/" + std::string(version_string) + " " + name + "/" + tables.version;
  const Layer plugin = layer_of(tables);
  Layers levels{.plugin = &plugin,
                .defaults = &layers.defaults,
                .service = &layers.service,
                .environment = &layers.environment,
                .clamps = &layers.clamps};
  auto settings = resolve(levels);
  if (!settings) return std::move(settings).error();
  service->settings = std::move(*settings);
  for (const EndpointTable& table : tables.endpoints) {
    const Layer own = layer_of(tables, table);
    levels.plugin_endpoint = &own;
    levels.endpoint = layer_for(layers.endpoints, table.endpoint.name);
    levels.environment_endpoint = layer_for(layers.environment_endpoints, table.endpoint.name);
    auto effective = resolve(levels);
    if (!effective) return std::move(effective).error();
    auto path = wire::UriTemplate::compile(table.endpoint.path);
    if (!path) return std::move(path).error();
    service->endpoints.emplace(table.endpoint.name,
                               Endpoint{table.endpoint, std::move(*path), std::move(*effective)});
  }
  share_breaker(*service);
  for (const EndpointLayers* given : {&layers.endpoints, &layers.environment_endpoints})
    for (const auto& [endpoint, layer] : *given)
      if (!tables.undeclared && !service->endpoints.contains(endpoint))
        return Error{Outcome::registry_invalid, "unknown_endpoint",
                     (layer.empty() ? "registry" : layer.front().origin) + ": services." + name +
                         ".endpoints." + endpoint + ": plugin " + tables.id +
                         " declares no such endpoint; " +
                         hint(endpoint, names_of(service->endpoints))};
  return service;
}

Result<const std::shared_ptr<const Service>*> Snapshot::find(std::string_view name) const {
  const auto found = services.find(name);
  if (found != services.end()) return &found->second;
  return Error{Outcome::unknown_service, "unknown_service",
               std::string(name) + ": no such service; " + hint(name, names_of(services))};
}

Result<const Endpoint*> find_endpoint(const Service& service, std::string_view name) {
  const auto found = service.endpoints.find(name);
  if (found != service.endpoints.end()) return &found->second;
  if (service.undeclared)
    return Error{Outcome::unknown_endpoint, "unknown_endpoint",
                 service.name + "." + std::string(name) + ": no such endpoint; the contract of " +
                     service.name +
                     " is the program's own (contract = \"caller\"), and this one has it not"};
  return Error{Outcome::unknown_endpoint, "unknown_endpoint",
               service.name + "." + std::string(name) + ": no such endpoint; " +
                   hint(name, names_of(service.endpoints))};
}

}  // namespace callerapi::catalogue
