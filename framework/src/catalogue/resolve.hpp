#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"
#include "catalogue/keys.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::catalogue {

/// One setting as somebody wrote it, at one level.
struct Setting {
  std::string key;     ///< "timeouts.total"
  std::string value;   ///< "5s"
  std::string origin;  ///< Short, for Origin: "registry.toml:41".
  std::string
      where;  ///< Long, begins error texts: "registry.toml:41:9: services.x.timeouts.total".
  bool secret = false;  ///< Came from a file; never shown.

  bool operator==(const Setting&) const = default;
};
using Layer = std::vector<Setting>;

/// Who has a say about one endpoint, low to high; null: says nothing. All must outlive the call of
/// resolve(). For a service as a whole leave the endpoint's members null.
struct Layers {
  const Layer* plugin = nullptr;
  const Layer* plugin_endpoint = nullptr;
  const Layer* defaults = nullptr;
  const Layer* service = nullptr;
  const Layer* endpoint = nullptr;
  const Layer* environment = nullptr;
  const Layer* environment_endpoint = nullptr;
  const Layer* clamps = nullptr;  ///< Upper bounds: clampable() keys only.
};

/// What the plugin says about all its endpoints, or (second form) about one.
Layer layer_of(const PluginTables& tables);
Layer layer_of(const PluginTables& tables, const EndpointTable& endpoint);

/// Two keys of which the value of `low` may not exceed that of `high`.
struct Bound {
  std::string_view low, high;
};
std::span<const Bound> bounds() noexcept;

/// `[clamps]` may bound these: timeouts.total and retry.max_attempts.
bool clampable(std::string_view key) noexcept;

/// Every text of one layer, checked alone: unknown key, wrong type, range, a key given twice, a
/// service's key at an endpoint, and contradictions within the layer. All errors, in order.
std::vector<Error> check_layer(const Layer& layer, bool endpoint);

/// All that resolve() would refuse because of bounds(), of breaker.window or of header_names, also
/// against built-in values, each beginning with the place of the higher level's key. Each text of
/// the layers has passed check_layer() alone. Clamps that are none are not looked at.
std::vector<Error> contradictions(const Layers& layers);

/// Applies the layers over the built-in values. Each layer is checked as by check_layer().
/// connect <= attempt <= total and base <= cap must hold: a higher layer that lowers the bound cuts
/// the lower layer's value; a value raised above its bound is an error. Built-in values give way.
/// Errors: `registry_invalid`, or `plugin_rejected` when the plugin's own texts are at fault.
Result<Effective> resolve(const Layers& layers);

}  // namespace callerapi::catalogue
