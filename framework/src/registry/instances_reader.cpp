// What Reader does with the places where one service runs: `instances` and `discovery`.
#include <algorithm>
#include <charconv>
#include <utility>

#include "registry/instances_file.hpp"
#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/resolve.hpp"
#include "wire/socket.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

constexpr DiscoveryEntry::Kind kinds[] = {DiscoveryEntry::Kind::listed, DiscoveryEntry::Kind::dns,
                                          DiscoveryEntry::Kind::srv, DiscoveryEntry::Kind::file};

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
  constexpr std::string_view names[] = {"static", "dns", "srv", "file"};
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
    return refuse(*given, "expected \"static\", \"dns\", \"srv\" or \"file\", saw \"" +
                              wire::printable(word) + "\"");
  const bool named = *kind == Kind::listed || *kind == Kind::dns;
  if (from && named)
    return refuse(*from,
                  "belongs to discovery = \"srv\" or \"file\", and discovery is \"" + word + "\"");
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
  service.discovery = {*kind, from ? from->text.value : std::string(), false};
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
