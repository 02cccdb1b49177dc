// What Reader does with the places where one service runs: `instances` and `discovery`.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/nearest.hpp"
#include "registry/instances_file.hpp"
#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/encode.hpp"
#include "wire/resolve.hpp"
#include "wire/socket.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

constexpr DiscoveryEntry::Kind kinds[] = {DiscoveryEntry::Kind::listed, DiscoveryEntry::Kind::dns,
                                          DiscoveryEntry::Kind::srv, DiscoveryEntry::Kind::file,
                                          DiscoveryEntry::Kind::http};

const std::string rule =
    "expected an array of URLs and tables such as [\"http://10.0.0.1:8080\", "
    "{ url = \"http://10.0.0.2:8080\", weight = 2 }]";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

/// One URL of the list; `line` is 0 for the environment.
void Reader::add_instance(const Text& url, unsigned line, int weight, const wire::BaseUrl& base,
                          ServiceEntry& service) {
  const auto refuse = [&](const std::string& why) {
    fault(line, "instance", url.where + ": " + why);
  };
  auto parsed = wire::parse_base_url(url.value);
  if (!parsed) {
    constexpr std::string_view other = "base_url ";  // whose rules these are
    std::string why = parsed.error().message;
    if (why.starts_with(other)) why.erase(0, other.size());
    return refuse(why);
  }
  if (parsed->scheme != base.scheme)
    return refuse("is " + parsed->scheme + ", and base_url is " + base.scheme +
                  "; an instance says where to connect, base_url says how");
  if (!parsed->path.empty())
    return refuse("has the path " + wire::printable(parsed->path) +
                  "; leave it out, the path in base_url is that of every instance");
  auto added = add_place(service.instances, {std::move(parsed->host), parsed->port, weight});
  if (!added) refuse(added.error().message);
}

void Reader::read_instance_list(const Spot& list, const wire::BaseUrl& base,
                                ServiceEntry& service) {
  if (list.node.kind != Node::Kind::array || list.node.members.empty())
    return fault_at(
        list, "wrong_type",
        rule + ", saw " +
            (list.node.kind == Node::Kind::array ? "an empty one"
                                                 : std::string(registry::name(list.node.kind))));
  for (const Node& element : list.node.members) {
    const Spot spot{element, list.path};
    if (element.kind == Node::Kind::text) {
      if (const auto url = expanded(spot)) add_instance(*url, element.at.line, 1, base, service);
      continue;
    }
    if (element.kind != Node::Kind::table) {
      fault_at(spot, "wrong_type",
               rule + ", saw " + std::string(registry::name(element.kind)) + " in it");
      continue;
    }
    known_only(spot, {"url", "weight"});
    int weight = 1;
    if (const Node* given = element.find("weight")) {
      const char* const end = given->text.data() + given->text.size();
      const auto [stop, error] = std::from_chars(given->text.data(), end, weight);
      if (given->kind != Node::Kind::integer || error != std::errc() || stop != end || weight < 1 ||
          weight > weight_max)
        fault_at({*given, spot.path + ".weight"}, "out_of_range",
                 "expected a whole number from 1 to " + std::to_string(weight_max) + ", saw " +
                     wire::printable(given->text));
    }
    if (!element.find("url"))
      fault_at(spot, "missing_key", "an instance has no url; add url = \"http://host:port\"");
    else if (const auto url = text(spot, "url"))
      add_instance(*url, element.at.line, weight, base, service);
  }
}

std::string_view name(DiscoveryEntry::Kind kind) noexcept {
  constexpr std::string_view names[] = {"static", "dns", "srv", "file", "http"};
  return names[static_cast<std::size_t>(kind)];
}

/// A key of a service that a variable may replace, with its line; 0 for the variable.
std::optional<Reader::TlsKey> Reader::overridable(const Spot& spot, const std::string& key,
                                                  const ServiceEntry& service) {
  const std::string override =
      "CALLERAPI_SERVICES__" + variable_name(service.name) + "__" + variable_name(key);
  const Node* node = spot.node.find(key);
  std::optional<Text> given = node ? text(spot, key) : std::nullopt;
  if (const std::string* value = variable(override))
    return TlsKey{{*value, "environment " + override, "environment " + override}, 0};
  if (!given) return {};
  return TlsKey{std::move(*given), node->at.line};
}

void Reader::read_discovery(const Spot& spot, const wire::BaseUrl& base, ServiceEntry& service) {
  using Kind = DiscoveryEntry::Kind;
  const auto given = overridable(spot, "discovery", service);
  const auto from = overridable(spot, "instances_from", service);
  const auto refuse = [&](const TlsKey& key, const std::string& why) {
    fault(key.line, "discovery", key.text.where + ": " + why);
  };
  const std::string word = given ? given->text.value : "static";
  const auto kind = std::ranges::find_if(kinds, [&](Kind one) { return name(one) == word; });
  if (kind == std::end(kinds))
    return refuse(*given, "expected \"static\", \"dns\", \"srv\", \"file\" or \"http\", saw \"" +
                              wire::printable(word) + "\"");
  const bool named = *kind == Kind::listed || *kind == Kind::dns;
  if (from && named)
    return refuse(
        *from,
        "belongs to discovery = \"srv\", \"file\" or \"http\", and discovery is \"" + word + "\"");
  if (*kind == Kind::listed) return;
  if (!service.instances.empty())
    return refuse(*given, "\"" + word + "\" finds the instances " +
                              (named ? "by the name in base_url" : "elsewhere") +
                              "; remove instances, or this");
  const bool needs_name = *kind == Kind::dns || (*kind == Kind::srv && !from);
  if (base.scheme == "unix" || (needs_name && wire::numeric_address(base.host, base.port)))
    return refuse(*given, "\"" + word + "\" needs " +
                              (needs_name ? "a name" : "http:// or https://") +
                              " in base_url, saw " + wire::printable(service.base_url));
  service.discovery.kind = *kind;
  if (from) service.discovery.from = from->text.value;
  read_instances_from(from ? *from : *given, base, service);
}

/// `key` is what a fault is told of.
void Reader::read_instances_from(const TlsKey& key, const wire::BaseUrl& base,
                                 ServiceEntry& service) {
  using Kind = DiscoveryEntry::Kind;
  std::string& from = service.discovery.from;
  const auto refuse = [&](const std::string& why) {
    fault(key.line, "discovery", key.text.where + ": " + why);
  };
  switch (service.discovery.kind) {
    case Kind::listed:
    case Kind::dns:
      return;
    case Kind::srv:
      if (from.empty()) from = "_" + base.scheme + "._tcp." + base.host;
      if (!wire::is_host_name(from))
        refuse("expected a name such as _http._tcp.billing.example, saw \"" +
               wire::printable(from) + "\"");
      return;
    case Kind::file:
      if (from.empty())
        return refuse("\"file\" needs the file; add instances_from = \"" + service.name +
                      ".instances\", which holds one host:port on each line");
      from = (directory_ / from).lexically_normal().string();
      return;
    case Kind::http:
      return read_poll(key, service);
  }
}

/// "places/v1/billing": a service of the registry, and a path of it.
void Reader::read_poll(const TlsKey& key, ServiceEntry& service) {
  std::string& from = service.discovery.from;
  const auto slash = std::min(from.find('/'), from.size());
  service.discovery.path = from.substr(slash);
  from.resize(slash);
  const std::string& path = service.discovery.path;
  if (!is_name(from) || path.empty() || !wire::is_uri_text(path))
    return fault(key.line, "discovery",
                 key.text.where +
                     ": \"http\" asks a service of this registry; expected instances_from = "
                     "\"places/v1/" +
                     service.name + "\", its name and a path of it, saw \"" +
                     wire::printable(from + path) + "\"");
  polls_.emplace_back(service.name, key);
}

/// Whom instances are asked of, once all services are known.
void Reader::check_polls(const Registry& registry) {
  std::vector<std::string> names;
  for (const ServiceEntry& service : registry.services) names.push_back(service.name);
  for (const Skipped& service : registry.skipped) names.push_back(service.name);
  for (const ServiceEntry& service : registry.services)
    for (const auto& [polling, key] : polls_) {
      const std::string& asked = service.discovery.from;
      if (polling != service.name) continue;
      if (asked == service.name)
        fault(key.line, "discovery",
              key.text.where + ": a service cannot be asked where it runs itself; name another");
      else if (std::ranges::find(names, asked) == names.end())
        fault(key.line, "unknown_service",
              key.text.where + ": there is no service '" + wire::printable(asked) + "'" +
                  base::suggestion(asked, names));
    }
}

/// Where to connect; what stands in the Host field, in the certificate and before each path stays
/// base_url's.
void Reader::read_instances(const Spot& spot, ServiceEntry& service) {
  const auto base = wire::parse_base_url(service.base_url);
  if (!base) return;  // reported already
  const std::string override = "CALLERAPI_SERVICES__" + variable_name(service.name) + "__INSTANCES";
  if (const std::string* value = variable(override)) {
    std::string_view left = *value;
    for (bool more = true; more;) {
      const auto comma = left.find(',');
      more = comma != std::string_view::npos;
      const Text url{std::string(trimmed(left.substr(0, comma))), "environment " + override,
                     "environment " + override};
      left.remove_prefix(more ? comma + 1 : left.size());
      add_instance(url, 0, 1, *base, service);
    }
  } else if (const Node* node = spot.node.find("instances")) {
    read_instance_list({*node, spot.path + ".instances"}, *base, service);
  }
  read_discovery(spot, *base, service);
  if (service.proxy &&
      (service.discovery.kind != DiscoveryEntry::Kind::listed || !service.instances.empty()))
    fault_at(spot, "proxy",
             "has instances of its own and a proxy, which would connect elsewhere; remove one of "
             "them (proxy = \"\" undoes the default)");
}

}  // namespace callerapi::registry
