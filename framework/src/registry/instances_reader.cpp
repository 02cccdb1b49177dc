// What Reader does with the places where one service runs: `instances` and `discovery`.
#include <algorithm>
#include <charconv>
#include <utility>

#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/resolve.hpp"
#include "wire/socket.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {
namespace {

constexpr int weight_max = 100;
constexpr std::size_t instances_max = 1000;

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
  policy::Site site{std::move(parsed->host), parsed->port, weight};
  const auto same = [&](const policy::Site& other) {
    return other.host == site.host && other.port == site.port;
  };
  if (std::ranges::any_of(service.instances, same))
    return refuse("is named twice; give it a weight instead");
  if (service.instances.size() == instances_max)
    return refuse("is one more than " + std::to_string(instances_max) + " instances");
  service.instances.push_back(std::move(site));
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

void Reader::read_discovery(const Spot& spot, const wire::BaseUrl& base, ServiceEntry& service) {
  const std::string override = "CALLERAPI_SERVICES__" + variable_name(service.name) + "__DISCOVERY";
  const Node* node = spot.node.find("discovery");
  std::optional<Text> given = node ? text(spot, "discovery") : std::nullopt;
  if (const std::string* value = variable(override)) {
    given = Text{*value, "environment " + override, "environment " + override};
    node = nullptr;
  }
  if (!given) return;
  const auto refuse = [&](const std::string& why) {
    fault(node ? node->at.line : 0, "discovery", given->where + ": " + why);
  };
  if (given->value != "static" && given->value != "dns")
    return refuse("expected \"static\" or \"dns\", saw \"" + wire::printable(given->value) + "\"");
  service.discovers = given->value == "dns";
  if (!service.discovers) return;
  if (!service.instances.empty())
    return refuse("\"dns\" finds the instances by the name in base_url; remove instances, or this");
  if (base.scheme == "unix" || wire::numeric_address(base.host, base.port))
    return refuse("\"dns\" needs a name in base_url, saw " + wire::printable(service.base_url));
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
  if (service.proxy && (service.discovers || !service.instances.empty()))
    fault_at(spot, "proxy",
             "has instances of its own and a proxy, which would connect elsewhere; remove one of "
             "them (proxy = \"\" undoes the default)");
}

}  // namespace callerapi::registry
