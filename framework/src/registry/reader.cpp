#include "registry/reader.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/nearest.hpp"
#include "registry/names.hpp"
#include "wire/syntax.hpp"

namespace callerapi::registry {
namespace {

/// The tables that settings stand in: what their names begin with.
const std::vector<std::string>& groups() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const std::string& key : catalogue::key_names()) {
      std::string group = key.substr(0, key.find('.'));
      if (std::ranges::find(names, group) == names.end()) names.push_back(std::move(group));
    }
    names.emplace_back("headers");
    return names;
  }();
  return all;
}

bool is_group(std::string_view name) { return std::ranges::find(groups(), name) != groups().end(); }

std::string joined(const std::string& path, std::string_view key) {
  const std::string shown = wire::printable(key);
  return path.empty() ? shown : path + "." + shown;
}

/// The keys that may stand where `prefix` leads, for suggestions.
std::vector<std::string> neighbours(const std::string& prefix,
                                    const std::vector<std::string>& beside) {
  std::vector<std::string> names;
  if (prefix.empty()) {
    names = beside;
    names.insert(names.end(), groups().begin(), groups().end());
  } else {
    for (const std::string& key : catalogue::key_names())
      if (key.starts_with(prefix)) names.push_back(key.substr(prefix.size()));
  }
  return names;
}

}  // namespace

std::string Reader::place(Node::Place at) const {
  return short_place(at) + ":" + std::to_string(at.column);
}

std::string Reader::short_place(Node::Place at) const {
  return name_ + ":" + std::to_string(at.line);
}

void Reader::fault(unsigned line, std::string reason, std::string message) {
  // Keys, names and messages of the file are quoted, line breaks of its strings included.
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const bool missing = reason == "env_missing" || reason == "file";
  faults_.push_back({line,
                     Error{.outcome = Outcome::registry_invalid,
                           .reason = std::move(reason),
                           .message = std::move(message)},
                     missing});
}

void Reader::fault_at(const Spot& spot, std::string reason, const std::string& what) {
  fault(spot.node.at.line, std::move(reason), place(spot.node.at) + ": " + spot.path + ": " + what);
}

void Reader::fault_at_key(const Spot& spot, std::string reason, const std::string& what) {
  fault(spot.node.key_at.line, std::move(reason),
        place(spot.node.key_at) + ": " + spot.path + ": " + what);
}

void Reader::add(unsigned line, std::vector<Error> errors) {
  for (Error& error : errors) faults_.push_back({line, std::move(error)});
}

std::vector<Error> Reader::faults() {
  const auto last_for_none = [](const Fault& f) { return f.line - 1U; };
  std::ranges::stable_sort(faults_, {}, last_for_none);
  std::vector<Error> errors;
  for (Fault& one : faults_) errors.push_back(std::move(one.error));
  return errors;
}

void Reader::known_only(const Spot& table, std::initializer_list<std::string_view> known) {
  const std::vector<std::string> names(known.begin(), known.end());
  for (const Node& member : table.node.members)
    if (std::ranges::find(names, member.key) == names.end())
      fault_at_key({member, joined(table.path, member.key)}, "unknown_key",
                   "unknown key" + base::suggestion(member.key, names));
}

std::optional<Reader::Spot> Reader::table(const Spot& parent, std::string_view key) {
  const Node* node = parent.node.find(key);
  if (!node) return {};
  return table(parent, *node);
}

std::optional<Reader::Spot> Reader::table(const Spot& parent, const Node& member) {
  Spot spot{member, joined(parent.path, member.key)};
  if (member.kind == Node::Kind::table) return spot;
  fault_at(spot, "wrong_type", "expected a table, saw " + std::string(name(member.kind)));
  return {};
}

std::optional<Text> Reader::expanded(const Spot& spot) {
  auto result = expand(spot.node.text, environment_, directory_);
  if (!result) {
    fault_at(spot, result.error().reason, result.error().message);
    return {};
  }
  return Text{std::move(result->text), short_place(spot.node.at),
              place(spot.node.at) + ": " + spot.path, result->secret, result->changed};
}

std::optional<Text> Reader::text(const Spot& parent, std::string_view key) {
  const Node* node = parent.node.find(key);
  if (!node) return {};
  const Spot spot{*node, joined(parent.path, key)};
  if (node->kind == Node::Kind::text) return expanded(spot);
  fault_at(spot, "wrong_type",
           "expected a text such as \"abc\", saw " + std::string(name(node->kind)));
  return {};
}

bool Reader::flag(const Spot& parent, std::string_view key, bool fallback) {
  const Node* node = parent.node.find(key);
  if (!node) return fallback;
  if (node->kind == Node::Kind::boolean) return node->text == "true";
  fault_at({*node, joined(parent.path, key)}, "wrong_type",
           "expected true or false, saw " + std::string(name(node->kind)));
  return fallback;
}

const std::string* Reader::variable(const std::string& wanted) const {
  const auto found = environment_.find(wanted);
  return found == environment_.end() || found->second.empty() ? nullptr : &found->second;
}

/// Nested tables become dotted keys of the table of settings.
void Reader::settings(const Spot& table, const std::string& prefix, bool endpoint,
                      const std::vector<std::string>& beside, catalogue::Layer& into) {
  for (const Node& member : table.node.members) {
    if (prefix.empty() && std::ranges::find(beside, member.key) != beside.end()) continue;
    const Spot spot{member, joined(table.path, member.key)};
    const std::string full = prefix + member.key;
    const bool inner = member.kind == Node::Kind::table;
    if (inner && is_group(full)) {
      settings(spot, full + ".", endpoint, beside, into);
    } else if (is_group(full) && full != "timeouts") {
      fault_at(spot, "wrong_type", "expected a table, saw " + std::string(name(member.kind)));
    } else if (!catalogue::is_setting(full) && prefix != "headers.") {
      fault_at_key(spot, "unknown_key",
                   "unknown key" + base::suggestion(member.key, neighbours(prefix, beside)));
    } else {
      setting(spot, full, endpoint, into);
    }
  }
}

void Reader::setting(const Spot& spot, const std::string& full, bool endpoint,
                     catalogue::Layer& into) {
  using Kind = Node::Kind;
  const Kind kind = spot.node.kind;
  const catalogue::Key* key = catalogue::find_key(full);
  const auto wanted = key ? key->type : catalogue::KeyType::text;
  const auto refuse = [&](const std::string& seen) {
    fault_at(spot, "wrong_type",
             "expected " + std::string(catalogue::example(wanted)) + ", saw " + seen);
  };
  if (kind == Kind::table || kind == Kind::array || kind == Kind::other)
    return refuse(std::string(name(kind)));
  if (wanted == catalogue::KeyType::text && kind != Kind::text) return refuse(spot.node.text);
  Text text{spot.node.text, short_place(spot.node.at), place(spot.node.at) + ": " + spot.path};
  if (kind == Kind::text) {
    auto found = expanded(spot);
    if (!found) return;
    text = std::move(*found);
    // A variable holds nothing but text; what is written out here can be of the right type.
    const bool quoted =
        wanted == catalogue::KeyType::integer || wanted == catalogue::KeyType::boolean;
    if (quoted && !text.changed) return refuse("a text; leave out the quotes");
  }
  catalogue::Setting one{full, std::move(text.value), std::move(text.origin), std::move(text.where),
                         text.secret};
  auto wrong = catalogue::check_layer({one}, endpoint);
  if (wrong.empty()) {
    into.push_back(std::move(one));
  } else {
    add(spot.node.at.line, std::move(wrong));
  }
}

void Reader::layer(const Spot& table, bool endpoint, const std::vector<std::string>& beside,
                   catalogue::Layer& into) {
  settings(table, "", endpoint, beside, into);
  // Each was judged alone; this finds those that contradict each other.
  add(table.node.at.line, catalogue::check_layer(into, endpoint));
}

void Reader::read_env_file(const Spot& caller) {
  const auto file = text(caller, "env_file");
  if (!file) return;
  auto added = add_env_file(environment_, directory_ / file->value);
  if (!added)
    fault(caller.node.find("env_file")->at.line, added.error().reason,
          file->where + ": " + added.error().message);
}

void Reader::read_caller(const Spot& root, Registry& registry) {
  static const Node none;
  const auto found = table(root, "caller");
  const Spot caller = found ? *found : Spot{none, "caller"};
  known_only(caller, {"name", "plugin_dir", "profile", "python_env", "env_file", "require_pins",
                      "insecure_permissions", "resolver", "hosts"});
  read_env_file(caller);
  const auto value = [&](std::string_view key, std::string fallback) {
    if (const auto* own = variable("CALLERAPI_CALLER__" + variable_name(key))) return *own;
    const auto given = text(caller, key);
    return given ? given->value : fallback;
  };
  registry.caller_name = value("name", "");
  registry.plugin_dir = (directory_ / value("plugin_dir", "plugins")).lexically_normal();
  registry.profile = value("profile", "");
  read_names(caller, registry, value("resolver", "dns"));
  python_env_ = flag(caller, "python_env", false);
  registry.require_pins = flag(caller, "require_pins", false);
  registry.insecure_permissions = flag(caller, "insecure_permissions", false);
  if (!wire::is_field_value(registry.caller_name))
    fault(caller.node.at.line, "bad_value",
          place(caller.node.at) + ": caller.name: holds a control byte; it is sent as Caller-Name");
}

void Reader::read_profiles(const Spot& root, Registry& registry) {
  // The package this came from knew two: the developer's own, and any deployment.
  const bool deployed = python_env_ && variable("DEPLOY") && !variable("CALLERAPI_CALLER__PROFILE");
  if (deployed) registry.profile = "prod";
  std::vector<std::string> names;
  if (const auto profiles = table(root, "profiles"))
    for (const Node& member : profiles->node.members) {
      names.push_back(member.key);
      const auto profile = table(*profiles, member);
      if (!profile) continue;
      known_only(*profile, {"default_url"});
      if (member.key == registry.profile) default_url_ = text(*profile, "default_url");
    }
  const bool known = std::ranges::find(names, registry.profile) != names.end();
  if (!names.empty() && !registry.profile.empty() && !known && !deployed) {
    const std::string variable_of = "CALLERAPI_CALLER__PROFILE";
    const Node* given = variable(variable_of) ? nullptr : root.node.find("caller")->find("profile");
    fault(given ? given->at.line : 0, "unknown_profile",
          (given ? place(given->at) + ": caller.profile" : "environment " + variable_of) +
              ": there is no [profiles." + wire::printable(registry.profile) + "]" +
              base::suggestion(registry.profile, names));
  }
  if (!python_env_) return;
  if (const auto* url = variable("DEFAULT_URL"))
    default_url_ = Text{*url, "environment DEFAULT_URL", "environment DEFAULT_URL"};
}

void Reader::read_clamps(const Spot& root) {
  const auto clamps = table(root, "clamps");
  if (!clamps) return;
  layer(*clamps, false, {}, clamps_);
  for (const catalogue::Setting& clamp : clamps_)
    if (!catalogue::clampable(clamp.key))
      fault(clamps->node.at.line, "unknown_key",
            clamp.where + ": cannot be clamped; timeouts.total and retry.max_attempts can");
}

/// The settings of a service and of each of its endpoints over the built-in values, which plugins
/// may move. What holds within one level was said where that was read.
void Reader::check_levels(const ServiceEntry& service) {
  const catalogue::ServiceLayers& given = service.layers;
  catalogue::Layers levels{.defaults = &given.defaults,
                           .service = &given.service,
                           .environment = &given.environment,
                           .clamps = &given.clamps};
  check_levels(levels, service.plugin);
  std::set<std::string_view> endpoints;
  for (const auto* all : {&given.endpoints, &given.environment_endpoints})
    for (const auto& [name, layer] : *all) endpoints.insert(name);
  const auto find = [](const auto& layers, std::string_view name) {
    const auto found = layers.find(name);
    return found == layers.end() ? nullptr : &found->second;
  };
  for (const std::string_view name : endpoints) {
    levels.endpoint = find(given.endpoints, name);
    levels.environment_endpoint = find(given.environment_endpoints, name);
    check_levels(levels, service.plugin);
  }
}

void Reader::check_levels(const catalogue::Layers& levels, std::string_view plugin) {
  for (Error& error : catalogue::contradictions(levels)) {
    const bool told = std::ranges::any_of(faults_, [&](const Fault& known) {
      return known.error.message.starts_with(error.message);
    });
    if (told) continue;
    unsigned line = 0;
    if (error.message.starts_with(name_ + ":"))
      std::from_chars(error.message.data() + name_.size() + 1,
                      error.message.data() + error.message.size(), line);
    if (plugin != "http" && error.message.find("(built-in)") != std::string::npos)
      error.message += "; if the plugin sets that, set it here as well";
    faults_.push_back({line, std::move(error)});
  }
}

Registry Reader::read(const Node& root_node) {
  Registry registry;
  const Spot root{root_node, ""};
  known_only(root,
             {"schema", "caller", "profiles", "defaults", "clamps", "services", "allow_empty"});
  const Node* schema = root_node.find("schema");
  if (!schema || schema->kind != Node::Kind::integer || schema->text != "1")
    fault(schema ? schema->at.line : 1, "schema",
          (schema ? place(schema->at) : name_ + ":1:1") +
              ": schema: expected schema = 1, the only one this version reads");
  read_caller(root, registry);
  read_profiles(root, registry);
  if (const auto defaults = table(root, "defaults")) {
    layer(*defaults, false, {"allow_addresses", "proxy", "tls"}, defaults_);
    read_addresses(*defaults, default_addresses_);
    default_proxy_ = text(*defaults, "proxy");
    read_tls(*defaults, default_tls_);
  }
  read_clamps(root);
  const auto services = table(root, "services");
  if ((!services || services->node.members.empty()) && !flag(root, "allow_empty", false))
    fault(1, "empty",
          name_ + ":1:1: services: there are none; set allow_empty = true if that is meant");
  if (services)
    for (const Node& member : services->node.members)
      if (const auto service = table(*services, member)) read_service(*service, registry);
  std::ranges::sort(registry.services, {}, &ServiceEntry::name);
  check_names(registry);
  check_auths(registry);
  if (alone_) std::ranges::for_each(registry.services, [&](const auto& s) { check_levels(s); });
  check_polls(registry);
  warn_of_strangers(registry);
  return registry;
}

}  // namespace callerapi::registry
