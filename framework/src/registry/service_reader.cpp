// What Reader does with one [services.X].
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <utility>

#include "base/nearest.hpp"
#include "host/loader.hpp"
#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

const std::vector<std::string> service_fields = {
    "plugin",   "contract",  "base_url",        "sha256", "unload",        "config",
    "required", "endpoints", "allow_addresses", "proxy",  "tls",           "allow_downgrade",
    "watch",    "instances", "discovery",       "auth",   "instances_from"};
constexpr std::string_view overrides = "CALLERAPI_SERVICES__";
constexpr std::string_view caller_overrides = "CALLERAPI_CALLER__";
constexpr std::string_view caller_variables[] = {"NAME", "PLUGIN_DIR", "PROFILE", "RESOLVER"};

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// Why a plugin may not be called so; empty when it may.
std::string plugin_fault(std::string_view plugin) {
  const std::filesystem::path path(plugin);
  if (plugin.starts_with(host::contract_prefix))
    return "is no plugin; write contract = \"" + std::string(plugin) + "\" instead";
  if (plugin.empty()) return "is empty; use \"http\" for a service without a plugin of its own";
  if (!wire::is_field_value(plugin)) return "holds a control byte";
  if (path.is_absolute() || std::ranges::find(path, "..") != path.end())
    return "leads out of plugin_dir; name a file inside it";
  return {};
}

/// `contract = "caller"` is the program's contract of the service's own name, "caller:billing" that
/// of another id. As a ServiceEntry::plugin; empty when it is neither.
std::string contract_plugin(std::string_view contract, const std::string& service) {
  const std::string prefix(host::contract_prefix);
  if (contract == "caller") return prefix + service;
  const bool named = contract.starts_with(prefix) && is_name(contract.substr(prefix.size()));
  return named ? std::string(contract) : std::string();
}

/// The key of `config` that a variable means: it cannot tell '-' from '_', nor capitals, so that
/// the file's spelling wins.
std::string config_key(const ServiceEntry& service, const std::string& named) {
  if (service.config.contains(named)) return named;
  for (const auto& [known, value] : service.config)
    if (key_of_variable(variable_name(known)) == named) return known;
  return named;
}

/// "10.0.0.0/8, 127.0.0.1": a variable holds no array. At least one.
bool read_ranges(std::string_view text, std::vector<wire::AddressRange>& into) {
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    more = comma != std::string_view::npos;
    std::string_view one = text.substr(0, comma);
    text.remove_prefix(more ? comma + 1 : text.size());
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    const auto range = wire::AddressRange::parse(one);
    if (!range) return false;
    into.push_back(*range);
  }
  return true;
}

constexpr std::string_view contract_rule =
    "expected \"caller\", for the contract that the program gives in Options::contracts under the "
    "name of the service, or \"caller:billing\" for one of another id";
constexpr std::string_view sha256_rule = "expected the 64 hexadecimal digits of sha256sum";
constexpr std::string_view unload_rule = "expected \"unmap\" or \"pin\"";
constexpr std::string_view ranges_rule =
    "expected address ranges separated by commas such as 10.0.0.0/8,127.0.0.1, whose bits behind "
    "the prefix are 0";
constexpr std::string_view name_rule =
    "expected a name such as billing or billing-eu: lower-case letters and digits in groups joined "
    "by '-' or '_', beginning with a letter, at most 63 bytes";

}  // namespace

void Reader::read_plugin(const Spot& spot, ServiceEntry& service) {
  if (const auto plugin = text(spot, "plugin")) {
    service.plugin = plugin->value;
    if (const auto why = plugin_fault(plugin->value); !why.empty())
      fault(spot.node.find("plugin")->at.line, "plugin_path", plugin->where + ": " + why);
  } else if (const std::string own = std::string(overrides) + variable_name(service.name);
             !spot.node.find("plugin") && !spot.node.find("contract") &&
             !variable(own + "__PLUGIN") && !variable(own + "__CONTRACT")) {
    fault_at(spot, "missing_key",
             "has no plugin; add plugin = \"" + service.name +
                 "\", or \"http\" for a service without a plugin of its own");
  }
  if (spot.node.find("contract")) read_contract(spot, service);
  if (const auto pin = text(spot, "sha256")) {
    service.sha256 = lower_case(pin->value);
    if (!is_sha256(pin->value))
      fault(spot.node.find("sha256")->at.line, "bad_value",
            pin->where + ": " + std::string(sha256_rule));
  }
  service.allow_downgrade = flag(spot, "allow_downgrade", false);
  service.watch = flag(spot, "watch", false);
  if (service.watch && service.plugin.starts_with("static:"))
    fault_at({*spot.node.find("watch"), spot.path + ".watch"}, "bad_value",
             "a plugin that is linked into the program has no file to watch; leave it out");
  if (const auto unload = text(spot, "unload")) {
    service.pinned = unload->value == "pin";
    if (unload->value != "pin" && unload->value != "unmap")
      fault(spot.node.find("unload")->at.line, "bad_value",
            unload->where + ": " + std::string(unload_rule) + ", saw \"" +
                wire::printable(unload->value) + "\"");
  }
}

void Reader::read_contract(const Spot& spot, ServiceEntry& service) {
  const Spot contract{*spot.node.find("contract"), spot.path + ".contract"};
  if (const auto given = text(spot, "contract")) {
    service.plugin = contract_plugin(given->value, service.name);
    if (service.plugin.empty())
      fault_at(contract, "bad_value",
               std::string(contract_rule) + ", saw \"" + wire::printable(given->value) + "\"");
  }
  for (const char* other : {"plugin", "sha256", "watch"})
    if (spot.node.find(other))
      fault_at(contract, "bad_value",
               "the program's own contract stands in for a plugin, so there is no '" +
                   std::string(other) + "'; leave one of the two out");
}

void Reader::read_config(const Spot& spot, ServiceEntry& service) {
  const auto config = table(spot, "config");
  if (!config) return;
  for (const Node& member : config->node.members) {
    const Spot value{member, config->path + "." + wire::printable(member.key)};
    if (member.kind == Node::Kind::text) {
      if (auto found = expanded(value)) service.config[member.key] = std::move(found->value);
    } else if (member.kind == Node::Kind::integer || member.kind == Node::Kind::boolean) {
      service.config[member.key] = member.text;
    } else {
      fault_at(value, "wrong_type",
               "expected a text, a whole number or a boolean, saw " +
                   std::string(registry::name(member.kind)));
    }
  }
}

void Reader::read_endpoints(const Spot& spot, ServiceEntry& service) {
  const auto endpoints = table(spot, "endpoints");
  if (!endpoints) return;
  for (const Node& member : endpoints->node.members)
    if (const auto endpoint = table(*endpoints, member)) {
      if (!is_name(member.key)) fault_at_key(*endpoint, "endpoint_name", std::string(name_rule));
      layer(*endpoint, true, {}, service.layers.endpoints[member.key]);
    }
}

void Reader::read_base_url(const Spot& spot, ServiceEntry& service) {
  const std::string own = variable_name(service.name);
  const std::string override = std::string(overrides) + own + "__BASE_URL";
  const auto from_variable = [&](const std::string& name) -> std::optional<Text> {
    const std::string* value = variable(name);
    if (!value) return {};
    return Text{*value, "environment " + name,
                "environment " + name + ": " + spot.path + ".base_url"};
  };
  const bool given = spot.node.find("base_url") != nullptr;
  std::optional<Text> url = from_variable(override);
  if (!url && python_env_) url = from_variable(own + "_URL");
  if (!url && given && !(url = text(spot, "base_url"))) return;  // reported already
  if (!url && default_url_) {
    url = default_url_;
    if (const auto hole = url->value.find("{service}"); hole != std::string::npos)
      url->value.replace(hole, 9, service.name);
  }
  if (!url)
    return fault_at(spot, "no_base_url",
                    "has no base_url, and the profile has no default_url; set one of them, there "
                    "is no silent default");
  auto parsed = wire::parse_base_url(url->value);
  if (!parsed) {
    const bool in_file = given && url->where.starts_with(name_);
    return fault(in_file ? spot.node.find("base_url")->at.line : 0, "base_url",
                 url->where + ": " + parsed.error().message);
  }
  service.base_url = std::move(url->value);
  service.base_url_origin = std::move(url->origin);
}

bool Reader::override_field(ServiceEntry& service, const std::string& key,
                            const std::string& value) {
  // Read where they matter.
  constexpr std::string_view elsewhere[] = {"base_url", "proxy", "instances", "discovery",
                                            "instances_from"};
  if (std::ranges::find(elsewhere, key) != std::end(elsewhere) || key.starts_with("tls.") ||
      key.starts_with("auth."))
    return true;
  const std::string variable =
      std::string(overrides) + variable_name(service.name) + "__" + variable_name(key);
  const auto refuse = [&](const std::string& why) {
    fault(0, "bad_value", "environment " + variable + ": " + why);
    return true;
  };
  if (service.plugin_variable.empty() && (key == "plugin" || key == "contract" || key == "sha256"))
    service.plugin_variable = variable;
  if (key == "plugin") {
    service.plugin = value;
    if (const auto why = plugin_fault(value); !why.empty()) return refuse(why);
    return true;
  }
  if (key == "contract") {
    service.plugin = contract_plugin(value, service.name);
    return !service.plugin.empty() || refuse(std::string(contract_rule));
  }
  if (key == "allow_addresses") {
    service.allow_addresses.clear();
    return read_ranges(value, service.allow_addresses) || refuse(std::string(ranges_rule));
  }
  if (key == "sha256") {
    service.sha256 = lower_case(value);
    return is_sha256(value) || refuse(std::string(sha256_rule));
  }
  if (key == "unload") {
    service.pinned = value == "pin";
    return value == "pin" || value == "unmap" || refuse(std::string(unload_rule));
  }
  if (key.starts_with("config.")) {
    service.config[config_key(service, key.substr(7))] = value;
    return true;
  }
  return false;
}

void Reader::override_setting(ServiceEntry& service, const std::string& key, const Text& text) {
  constexpr std::string_view endpoints = "endpoints.";
  catalogue::Layer* into = &service.layers.environment;
  std::string name = key;
  const bool endpoint = key.starts_with(endpoints);
  if (endpoint) {
    const auto dot = key.find('.', endpoints.size());
    std::string named = key.substr(endpoints.size(), dot - endpoints.size());
    // Variables cannot tell '-' from '_': the file's spelling of the name wins.
    for (const auto& [known, layer] : service.layers.endpoints)
      if (variable_name(known) == variable_name(named)) named = known;
    name = dot == std::string::npos ? std::string() : key.substr(dot + 1);
    if (name.starts_with("headers.")) std::ranges::replace(name, '_', '-');
    into = &service.layers.environment_endpoints[named];
  }
  catalogue::Setting one{name, text.value, text.origin, text.where};
  auto wrong = catalogue::check_layer({one}, endpoint);
  if (wrong.empty()) {
    into->push_back(std::move(one));
  } else {
    add(0, std::move(wrong));
  }
}

/// CALLERAPI_SERVICES__X__TIMEOUTS__TOTAL sets services.x.timeouts.total.
void Reader::read_overrides(ServiceEntry& service) {
  const std::string prefix = std::string(overrides) + variable_name(service.name) + "__";
  for (auto entry = environment_.lower_bound(prefix);
       entry != environment_.end() && entry->first.starts_with(prefix); ++entry) {
    const auto& [variable, value] = *entry;
    const std::string key = key_of_variable(std::string_view(variable).substr(prefix.size()));
    const std::string from = "environment " + variable;
    if (!override_field(service, key, value))
      override_setting(service, key,
                       {value, from, from + ": services." + service.name + "." + key});
  }
  add(0, catalogue::check_layer(service.layers.environment, false));
}

void Reader::read_service(const Spot& spot, Registry& registry) {
  const std::size_t before = faults_.size();
  ServiceEntry service;
  service.name = spot.node.key;
  service.origin = place(spot.node.at);
  if (!is_name(service.name)) return fault_at_key(spot, "service_name", std::string(name_rule));
  read_plugin(spot, service);
  read_config(spot, service);
  service.allow_addresses = default_addresses_;
  read_addresses(spot, service.allow_addresses);
  service.layers.defaults = defaults_;
  service.layers.clamps = clamps_;
  layer(spot, false, service_fields, service.layers.service);
  read_endpoints(spot, service);
  read_base_url(spot, service);
  read_proxy(spot, service);
  read_instances(spot, service);
  service.discovery.insecure_permissions =
      service.discovery.kind == DiscoveryEntry::Kind::file && registry.insecure_permissions;
  read_overrides(service);
  load_tls(spot, service, registry);
  read_auth(spot, service);
  const auto first = faults_.begin() + static_cast<std::ptrdiff_t>(before);
  service.required = flag(spot, "required", true);
  if (!service.required && faults_.size() > before &&
      std::all_of(first, faults_.end(), std::mem_fn(&Fault::missing))) {
    registry.skipped.push_back({service.name, std::move(first->error)});
    faults_.resize(before, Fault{});
    return;
  }
  registry.services.push_back(std::move(service));
}

void Reader::check_names(const Registry& registry) {
  std::map<std::string, const ServiceEntry*> variables;
  for (const ServiceEntry& service : registry.services) {
    const auto [found, fresh] = variables.emplace(variable_name(service.name), &service);
    if (!fresh)
      fault(0, "duplicate_service",
            service.origin + ": services." + service.name + ": is the same as '" +
                found->second->name + "' of " + found->second->origin + " in variables, " +
                found->first + "; rename one");
    if (python_env_ && service.name == "default")
      fault(0, "duplicate_service",
            service.origin +
                ": services.default: DEFAULT_URL means every service's default with python_env; "
                "rename the service");
  }
}

/// Not an error: one environment may serve several callers, and cannot change with the file.
void Reader::warn_of_strangers(Registry& registry) const {
  std::vector<std::string> prefixes;
  for (const ServiceEntry& service : registry.services)
    prefixes.push_back(std::string(overrides) + variable_name(service.name) + "__");
  const std::string caller(caller_overrides);
  for (auto entry = environment_.lower_bound(caller);
       entry != environment_.end() && entry->first.starts_with(caller); ++entry)
    if (std::ranges::find(caller_variables, entry->first.substr(caller.size())) ==
        std::end(caller_variables))
      registry.warnings.push_back(
          "environment " + wire::printable(entry->first) +
          ": of [caller], variables may set NAME, PLUGIN_DIR, PROFILE and RESOLVER; it has no "
          "effect");
  const std::string all(overrides);
  for (auto entry = environment_.lower_bound(all);
       entry != environment_.end() && entry->first.starts_with(all); ++entry)
    if (std::ranges::none_of(prefixes, [&](const auto& p) { return entry->first.starts_with(p); }))
      registry.warnings.push_back("environment " + wire::printable(entry->first) +
                                  ": names no service of this registry; it has no effect");
}

}  // namespace callerapi::registry
