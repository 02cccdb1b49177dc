// What the conformance kit tells a plugin of its configuration: a file of its team's, or what a
// registry has.
#include <algorithm>
#include <vector>

#include "base/nearest.hpp"
#include "callerapi/plugin_file.hpp"
#include "registry/environment.hpp"
#include "registry/registry.hpp"
#include "registry/registry_file.hpp"
#include "registry/toml_file.hpp"
#include "wire/syntax.hpp"

namespace callerapi {

namespace {

Result<PluginConfig> read_config(const std::string& file) {
  std::error_code failed;
  const auto resolved = std::filesystem::canonical(file, failed);
  auto text = registry::contents(failed ? std::filesystem::path(file) : resolved);
  if (!text) return std::move(text).error();
  const auto root = registry::parse_toml(*text, file);
  if (!root) return root.error();
  const registry::Environment environment = registry::process_environment();
  PluginConfig config;
  for (const registry::Node& member : root->members) {
    using Kind = registry::Node::Kind;
    const std::string where = file + ":" + std::to_string(member.at.line) + ":" +
                              std::to_string(member.at.column) + ": " +
                              wire::printable(member.key) + ": ";
    std::string value = member.text;
    if (member.kind == Kind::text) {
      auto expanded = registry::expand(member.text, environment, resolved.parent_path());
      if (!expanded) {
        Error error = std::move(expanded).error();
        error.message = where + error.message;
        return error;
      }
      value = std::move(expanded->text);
    } else if (member.kind != Kind::integer && member.kind != Kind::boolean) {
      return Error{.outcome = Outcome::registry_invalid,
                   .reason = "wrong_type",
                   .message = where + "expected a text, a whole number or a boolean, saw " +
                              std::string(registry::name(member.kind)) +
                              "; the keys stand alone, as in [services.X.config]"};
    }
    config.emplace(member.key, std::move(value));
  }
  return config;
}

}  // namespace

Result<PluginConfig> read_plugin_config(const std::string& file) {
  auto config = read_config(file);
  if (!config) config.error().outcome = Outcome::invalid_argument;  // the registry is not at fault
  return config;
}

Result<PluginConfig> service_config(const std::string& registry, const std::string& service) {
  auto read = registry::read_registry(registry, registry::process_environment());
  if (!read) return std::move(read).error();
  const auto found = std::ranges::find(read->services, service, &registry::ServiceEntry::name);
  if (found != read->services.end()) return found->config;
  std::vector<std::string> names;
  for (const auto& one : read->services) names.push_back(one.name);
  return Error{.outcome = Outcome::unknown_service,
               .reason = "unknown_service",
               .message = std::filesystem::path(registry).filename().string() + ": no service '" +
                          service + "'" + base::suggestion(service, names)};
}

}  // namespace callerapi
