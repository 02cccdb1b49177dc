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
  constexpr std::string_view names[] = {"static", "dns", "file"};
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
  const std::string kind = given ? given->text.value : "static";
  if (kind == "dns")
    service.discovery.kind = Kind::dns;
  else if (kind == "file")
    service.discovery.kind = Kind::file;
  else if (kind != "static")
    return refuse(
        *given, "expected \"static\", \"dns\" or \"file\", saw \"" + wire::printable(kind) + "\"");
  if (from && service.discovery.kind != Kind::file)
    return refuse(*from, "belongs to discovery = \"file\", and discovery is \"" + kind + "\"");
  if (service.discovery.kind == Kind::listed) return;
  if (!service.instances.empty())
    return refuse(*given, "\"" + kind + "\" finds the instances by " +
                              (from ? "instances_from" : "the name in base_url") +
                              "; remove instances, or this");
  const bool named = service.discovery.kind == Kind::dns;
  if (base.scheme == "unix" || (named && wire::numeric_address(base.host, base.port)))
    return refuse(*given, "\"" + kind + "\" needs " + (named ? "a name" : "http:// or https://") +
                              " in base_url, saw " + wire::printable(service.base_url));
  if (service.discovery.kind != Kind::file) return;
  if (!from || from->text.value.empty())
    return refuse(*given, "\"file\" needs the file; add instances_from = \"" + service.name +
                              ".instances\", which holds one host:port on each line");
  service.discovery.from = (directory_ / from->text.value).lexically_normal().string();
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
