#include "caller/diff.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "base/digest.hpp"
#include "wire/socket.hpp"
#include "wire/syntax.hpp"

namespace callerapi::caller {
namespace {

constexpr std::size_t named_max = 20;
constexpr std::string_view hidden = "(hidden)";

/// What is compared, and what is shown of it.
struct Fact {
  std::string value, shown;
};
using Facts = std::map<std::string, Fact>;

void add(Facts& facts, const std::string& key, const std::string& value) {
  facts[key] = {value, value.empty() ? "none" : wire::printable(value)};
}
void add_secret(Facts& facts, const std::string& key, const std::string& value) {
  if (!value.empty()) facts[key] = {value, std::string(hidden)};
}
void add_flag(Facts& facts, const std::string& key, bool value) {
  add(facts, key, value ? "true" : "false");
}

void add_connecting(Facts& facts, const registry::ServiceEntry& entry) {
  add(facts, "base_url", entry.base_url);
  std::string instances;
  for (const policy::Site& site : entry.instances)
    instances += (instances.empty() ? "" : " ") + wire::to_text({site.host, site.port}) +
                 (site.weight == 1 ? "" : " x" + std::to_string(site.weight));
  add(facts, "instances", instances);
  add(facts, "discovery", std::string(name(entry.discovery.kind)));
  if (!entry.discovery.from.empty())
    add(facts, "instances_from", entry.discovery.from + entry.discovery.path);
  std::string ranges;
  for (const wire::AddressRange& range : entry.allow_addresses)
    ranges += (ranges.empty() ? "" : " ") + range.text();
  add(facts, "allow_addresses", ranges);
  add(facts, "proxy", entry.proxy ? wire::to_text({entry.proxy->host, entry.proxy->port}) : "");
  if (entry.proxy) add_secret(facts, "proxy.authorization", entry.proxy->authorization);
  const wire::TlsSettings& tls = entry.tls;
  // Certificates are no secrets, and nobody can read them: their digest tells two apart.
  for (const auto& [key, pem] : {std::pair{"tls.ca_file", &tls.ca}, {"tls.cert_file", &tls.cert}})
    add(facts, key, pem->empty() ? "" : "sha256 " + base::sha256_hex(*pem).substr(0, 12));
  add_secret(facts, "tls.key_file", tls.key);
  add(facts, "tls.server_name", tls.server_name);
  add(facts, "tls.min_version", tls.tls13_only ? "1.3" : "1.2");
  add(facts, "tls.verify", tls.verify ? "on" : "off");
}

void add_auth(Facts& facts, const registry::AuthEntry& auth) {
  if (auth.type == registry::AuthEntry::Type::none) return;
  add(facts, "auth.type", std::string(name(auth.type)));
  add_secret(facts, "auth.secret", auth.secret);
  const std::pair<const char*, std::string> shown[] = {
      {"auth.secret_file", auth.secret_file.string()},
      {"auth.username", auth.username},
      {"auth.token_service", auth.token_service},
      {"auth.token_path", auth.token_path},
      {"auth.client_id", auth.client_id},
      {"auth.scope", auth.scope},
      {"auth.audience", auth.audience}};
  for (const auto& [key, value] : shown)
    if (!value.empty()) add(facts, key, value);
}

void add_settings(Facts& facts, const std::string& prefix, const catalogue::Effective& effective) {
  for (const catalogue::Origin& origin : effective.origins) {
    const std::string key = prefix + origin.key;
    add(facts, key, origin.value);
    if (!origin.key.starts_with("headers.") || origin.value != hidden) continue;
    for (const auto& [name, value] : effective.policy.headers)
      if (origin.key.substr(8) == name) add_secret(facts, key, value);
  }
}

Facts facts_of(const ServiceFacts& of) {
  const auto& [entry, service, sha256] = of;
  Facts facts;
  add(facts, "plugin", entry.plugin + " " + service.plugin_version);
  add(facts, "plugin file", sha256.empty() ? "" : "sha256 " + sha256.substr(0, 12));
  add(facts, "sha256", entry.sha256);
  add(facts, "unload", entry.pinned ? "pin" : "unmap");
  add_flag(facts, "allow_downgrade", entry.allow_downgrade);
  add_flag(facts, "required", entry.required);
  add_flag(facts, "watch", entry.watch);
  add(facts, "caller.name", service.caller_name);
  for (const auto& [key, value] : entry.config) add_secret(facts, "config." + key, value);
  add_connecting(facts, entry);
  add_auth(facts, entry.auth);
  add_settings(facts, "", service.settings);
  for (const auto& [name, endpoint] : service.endpoints) {
    add(facts, "endpoints." + name, endpoint.declared.method + " " + endpoint.declared.path);
    add_settings(facts, "endpoints." + name + ".", endpoint.settings);
  }
  return facts;
}

const Fact* find(const Facts& facts, const std::string& key) {
  const auto found = facts.find(key);
  return found == facts.end() ? nullptr : &found->second;
}

/// Of an endpoint's setting: the service's key of the same name; empty: it is none.
std::string of_the_service(const std::string& key, const std::string& endpoint) {
  return key.substr(endpoint.size() + 1);
}

class Change {
 public:
  Change(const ServiceFacts& was, const ServiceFacts& is) : was_(facts_of(was)), is_(facts_of(is)) {
    for (const auto& [key, fact] : was_) compare(key);
    for (const auto& [key, fact] : is_)
      if (!was_.contains(key)) compare(key);
  }

  std::string text() const {
    if (count_ <= named_max) return text_;
    return text_ + " and " + std::to_string(count_ - named_max) + " more";
  }

 private:
  static bool same(const Fact* a, const Fact* b) {
    return (a == nullptr) == (b == nullptr) && (a == nullptr || a->value == b->value);
  }
  static std::string shown(const Fact* fact) { return fact == nullptr ? "none" : fact->shown; }

  /// An endpoint that came or went says so once, and one that follows its service says nothing.
  bool follows(const std::string& key, const Fact* before, const Fact* now) const {
    if (!key.starts_with("endpoints.")) return false;
    const std::string endpoint = key.substr(0, key.find('.', sizeof("endpoints.") - 1));
    if (endpoint == key) return false;
    if (!was_.contains(endpoint) || !is_.contains(endpoint)) return true;
    const std::string above = of_the_service(key, endpoint);
    return same(before, find(was_, above)) && same(now, find(is_, above));
  }

  void compare(const std::string& key) {
    const Fact* before = find(was_, key);
    const Fact* now = find(is_, key);
    if (same(before, now) || follows(key, before, now)) return;
    if (++count_ > named_max) return;
    text_ += (text_.empty() ? "" : ", ") + key + " " + shown(before) + " -> " + shown(now);
  }

  const Facts was_, is_;
  std::size_t count_ = 0;
  std::string text_;
};

}  // namespace

std::string describe_added(const ServiceFacts& is) {
  return is.entry.name + ": added: plugin " + is.entry.plugin + " " + is.service.plugin_version +
         ", base_url " + wire::printable(is.entry.base_url);
}

std::string describe_change(const ServiceFacts& was, const ServiceFacts& is) {
  const std::string text = Change(was, is).text();
  return text.empty() ? text : is.entry.name + ": changed: " + text;
}

std::string describe_removed(const std::string& name) { return name + ": removed"; }

}  // namespace callerapi::caller
