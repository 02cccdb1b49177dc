// What Reader does with the tables named `auth`.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/nearest.hpp"
#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/address_range.hpp"
#include "wire/encode.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

using Type = AuthEntry::Type;

struct AuthKey {
  std::string_view name;
  Type of;
  bool required;
  std::string_view other;  ///< The key that may stand in its place.
};
constexpr AuthKey keys[] = {
    {"token", Type::bearer, true, "token_file"},
    {"token_file", Type::bearer, true, "token"},
    {"username", Type::basic, true, ""},
    {"password", Type::basic, true, "password_file"},
    {"password_file", Type::basic, true, "password"},
    {"token_service", Type::oauth2, true, ""},
    {"token_path", Type::oauth2, true, ""},
    {"client_id", Type::oauth2, true, ""},
    {"client_secret", Type::oauth2, true, "client_secret_file"},
    {"client_secret_file", Type::oauth2, true, "client_secret"},
    {"scope", Type::oauth2, false, ""},
    {"audience", Type::oauth2, false, ""},
};

const AuthKey* find(std::string_view wanted) {
  const auto* found = std::ranges::find(keys, wanted, &AuthKey::name);
  return found == std::end(keys) ? nullptr : found;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names = {"type", "insecure"};
  for (const AuthKey& key : keys) names.emplace_back(key.name);
  return names;
}

/// What may not be said of a value, for it may be a secret; empty when it is good.
std::string value_fault(std::string_view key, std::string_view value) {
  if (value.empty()) return "is empty";
  if (!wire::is_field_value(value)) return "holds a control byte";
  if (key == "username" && value.find(':') != std::string_view::npos)
    return "holds a ':', which ends a user's name in basic authentication";
  if (key == "token_path" && (!value.starts_with('/') || !wire::is_uri_text(value)))
    return "is no path such as /oauth/token";
  return {};
}

bool is_this_machine(const std::string& host) {
  static const auto v4 = wire::AddressRange::parse("127.0.0.0/8");
  static const auto v6 = wire::AddressRange::parse("::1");
  return host == "localhost" || v4->contains(host) || v6->contains(host);
}

/// Where a secret for this service would go without TLS to another machine; empty: nowhere.
std::string exposed(const ServiceEntry& service) {
  const auto url = wire::parse_base_url(service.base_url);
  if (!url || url->scheme != "http") return {};
  if (service.proxy && !is_this_machine(service.proxy->host))
    return "the proxy " + service.proxy->host;
  using Kind = DiscoveryEntry::Kind;
  const Kind kind = service.discovery.kind;
  if (kind == Kind::srv || kind == Kind::file || kind == Kind::http)
    return "wherever discovery = \"" + std::string(name(kind)) + "\" leads";
  for (const policy::Site& site : service.instances)
    if (!is_this_machine(site.host)) return site.host;
  if (service.instances.empty() && !is_this_machine(url->host)) return service.base_url;
  return {};
}

}  // namespace

/// CALLERAPI_SERVICES__X__AUTH__TOKEN sets services.x.auth.token.
void Reader::override_auth(const ServiceEntry& service, TlsKeys& into) {
  const std::string prefix = "CALLERAPI_SERVICES__" + variable_name(service.name) + "__AUTH__";
  for (auto entry = environment_.lower_bound(prefix);
       entry != environment_.end() && entry->first.starts_with(prefix); ++entry) {
    const std::string key = key_of_variable(std::string_view(entry->first).substr(prefix.size()));
    const std::string from = "environment " + entry->first;
    const std::string where = from + ": services." + service.name + ".auth." + key;
    const AuthKey* known = find(key);
    if (key != "type" && !known) {
      fault(0, "unknown_key", where + ": unknown key");
      continue;
    }
    if (known) into.erase(std::string(known->other));
    into.insert_or_assign(key, TlsKey{Text{entry->second, from, where}, 0});
  }
}

/// The keys of one table, those of the environment among them.
Reader::TlsKeys Reader::auth_keys(const Spot& auth, const ServiceEntry& service) {
  const std::vector<std::string> names = key_names();
  TlsKeys given;
  for (const Node& member : auth.node.members) {
    if (member.key == "insecure") continue;
    if (member.key != "type" && !find(member.key)) {
      fault_at_key({member, auth.path + "." + wire::printable(member.key)}, "unknown_key",
                   "unknown key" + base::suggestion(member.key, names));
    } else if (auto value = text(auth, member.key)) {
      given[member.key] = {std::move(*value), member.at.line};
    }
  }
  override_auth(service, given);
  return given;
}

/// Does each key belong to the type, and is none missing or doubled?
void Reader::check_auth_keys(const Spot& auth, const TlsKeys& given, Type type) {
  for (const auto& [key, value] : given) {
    const AuthKey* known = find(key);
    if (!known) continue;
    if (known->of != type)
      fault(value.line, "unknown_key",
            value.text.where + ": belongs to type = \"" + std::string(name(known->of)) +
                "\", and this is \"" + std::string(name(type)) + "\"");
    else if (key < known->other && given.contains(std::string(known->other)))
      fault(value.line, "bad_value",
            value.text.where + ": stands beside auth." + std::string(known->other) +
                "; leave one of them out");
    else if (const auto why = value_fault(key, value.text.value); !why.empty())
      fault(value.line, "bad_value", value.text.where + ": " + why);
  }
  for (const AuthKey& key : keys) {
    if (key.of != type || !key.required || given.contains(std::string(key.name)) ||
        given.contains(std::string(key.other)) || key.name.ends_with("_file") ||
        auth.node.find(key.name))
      continue;
    fault_at(auth, "missing_key",
             "type = \"" + std::string(name(type)) + "\" needs " + std::string(key.name) +
                 (key.other.empty() ? "" : " or " + std::string(key.other)));
  }
}

void Reader::fill_auth(const TlsKeys& given, AuthEntry& into) {
  const auto value = [&](std::string_view key) {
    const auto found = given.find(std::string(key));
    return found == given.end() ? std::string() : found->second.text.value;
  };
  into.username = value("username");
  into.token_service = value("token_service");
  into.token_path = value("token_path");
  into.client_id = value("client_id");
  into.scope = value("scope");
  into.audience = value("audience");
  for (const std::string_view key : {"token", "password", "client_secret"}) {
    if (given.contains(std::string(key))) into.secret = value(key);
    const auto file = given.find(std::string(key) + "_file");
    if (file == given.end()) continue;
    into.secret_file = directory_ / file->second.text.value;
    if (auto read = read_secret_file(into.secret_file); !read)
      fault(
          file->second.line, "file",
          file->second.text.where + ": " + into.secret_file.string() + ": " + read.error().message);
  }
}

void Reader::read_auth(const Spot& spot, ServiceEntry& service) {
  static const Node none;
  const auto table_given = table(spot, "auth");
  if (!table_given && spot.node.find("auth")) return;  // reported already
  const Spot auth = table_given ? *table_given : Spot{none, spot.path + ".auth"};
  const TlsKeys given = auth_keys(auth, service);
  if (!table_given && given.empty()) return;
  const auto wanted = given.find("type");
  if (wanted == given.end())
    return fault_at(auth, "missing_key", R"(needs type = "bearer", "basic" or "oauth2")");
  for (const Type type : {Type::bearer, Type::basic, Type::oauth2})
    if (wanted->second.text.value == name(type)) service.auth.type = type;
  if (service.auth.type == Type::none)
    return fault(wanted->second.line, "bad_value",
                 wanted->second.text.where +
                     ": expected \"bearer\", \"basic\" or \"oauth2\", saw " + "\"" +
                     wire::printable(wanted->second.text.value) + "\"");
  check_auth_keys(auth, given, service.auth.type);
  fill_auth(given, service.auth);
  const auto named = given.find("token_service");
  auths_.push_back(
      {service.name, wanted->second.line,
       table_given ? place(auth.node.at) + ": " + auth.path : wanted->second.text.where,
       named == given.end() ? TlsKey{} : named->second, flag(auth, "insecure", false)});
  for (const catalogue::Layer* layer :
       {&service.layers.defaults, &service.layers.service, &service.layers.environment})
    for (const catalogue::Setting& setting : *layer)
      if (setting.key.starts_with("headers.") &&
          same_name(std::string_view(setting.key).substr(8), "Authorization"))
        fault(wanted->second.line, "bad_value",
              auths_.back().where + ": " + setting.key + " is set at " + setting.origin +
                  " as well; leave one of them out");
}

/// The services that are asked for tokens on the way to `service`, itself at both ends if they form
/// a ring; else empty.
std::string Reader::auth_ring(const std::string& service, const Services& services) {
  std::string way = service;
  std::set<std::string> seen;
  for (std::string at = service; seen.insert(at).second;) {
    const auto found = services.find(at);
    if (found == services.end() || found->second->auth.token_service.empty()) return {};
    at = found->second->auth.token_service;
    way += " -> " + at;
    if (at == service) return way;
  }
  return {};
}

/// Whom a secret goes to, once all services are known.
void Reader::check_auths(const Registry& registry) {
  Services services;
  std::vector<std::string> names;
  for (const ServiceEntry& service : registry.services) {
    services[service.name] = &service;
    names.push_back(service.name);
  }
  for (const Skipped& service : registry.skipped) names.push_back(service.name);
  for (const AuthSpot& auth : auths_) {
    const auto found = services.find(auth.service);
    if (found == services.end()) continue;  // left out
    const ServiceEntry& service = *found->second;
    const std::string& issuer = service.auth.token_service;
    const TlsKey& named = auth.token_service;
    if (!issuer.empty() && std::ranges::find(names, issuer) == names.end())
      fault(named.line, "unknown_service",
            named.text.where + ": there is no service '" + wire::printable(issuer) + "'" +
                base::suggestion(issuer, names));
    const auto asked = services.find(issuer);
    for (const ServiceEntry* one : {&service, asked == services.end() ? nullptr : asked->second}) {
      const std::string where = one && !auth.insecure ? exposed(*one) : std::string();
      if (!where.empty())
        fault(auth.line, "auth_insecure",
              auth.where + ": would send a secret without TLS to " + wire::printable(where) +
                  "; use https, or set insecure = true beside type where the network is trusted");
    }
    if (const std::string ring = auth_ring(auth.service, services); !ring.empty())
      fault(named.line, "auth_cycle",
            named.text.where + ": needs a token to get a token: " + ring +
                "; a token service has to do without, or with another kind of [auth]");
  }
}

}  // namespace callerapi::registry
