// What Reader does with names and addresses: [caller.hosts] and resolver.
#include <algorithm>
#include <utility>

#include "registry/names.hpp"
#include "registry/reader.hpp"
#include "wire/name_files.hpp"
#include "wire/resolve.hpp"
#include "wire/syntax.hpp"
#include "wire/url.hpp"

namespace callerapi::registry {

/// A text, or an array of texts, each with its place; nothing when one of them is a fault.
std::optional<std::vector<Text>> Reader::texts(const Spot& spot, const std::string& rule) {
  const bool one = spot.node.kind == Node::Kind::text;
  if (!one && (spot.node.kind != Node::Kind::array || spot.node.members.empty())) {
    fault_at(spot, "wrong_type",
             rule + ", saw " +
                 (spot.node.kind == Node::Kind::array ? "an empty one"
                                                      : std::string(name(spot.node.kind))));
    return {};
  }
  std::vector<Text> all;
  for (const Node& element : one ? std::vector<Node>{spot.node} : spot.node.members) {
    const Spot at{element, spot.path};
    if (element.kind != Node::Kind::text) {
      fault_at(at, "wrong_type", rule + ", saw " + std::string(name(element.kind)) + " in it");
      return {};
    }
    auto text = expanded(at);
    if (!text) return {};
    all.push_back(std::move(*text));
  }
  return all;
}

void Reader::read_names(const Spot& caller, Registry& registry, const std::string& resolver) {
  registry.names.system = resolver == "system";
  if (resolver != "dns" && resolver != "system") {
    const Node* given = caller.node.find("resolver");
    const unsigned line = given ? given->at.line : 0;
    fault(line, "bad_value",
          (given ? place(given->at) + ": caller.resolver"
                 : std::string("environment CALLERAPI_CALLER__RESOLVER")) +
              ": expected \"dns\" or \"system\", saw \"" + wire::printable(resolver) + "\"");
  }
  const auto hosts = table(caller, "hosts");
  if (!hosts) return;
  for (const Node& member : hosts->node.members) {
    const Spot spot{member, hosts->path + "." + wire::printable(member.key)};
    if (member.kind == Node::Kind::table) {
      fault_at_key(spot, "wrong_type",
                   "expected addresses, saw a table; a name with dots is written in quotes");
      continue;
    }
    if (!wire::is_host_name(member.key)) {
      fault_at_key(spot, "bad_value", "expected a host name of letters, digits, '-', '.' and '_'");
      continue;
    }
    const auto given =
        texts(spot, "expected an address or an array of addresses such as [\"127.0.0.1\"]");
    if (!given) continue;
    std::string host = wire::lower_case(member.key);
    if (host.ends_with('.')) host.pop_back();
    std::vector<std::string>& addresses = registry.names.hosts[host];
    for (const Text& text : *given) {
      if (!wire::numeric_address(text.value, 0))
        fault(spot.node.at.line, "bad_value",
              text.where +
                  ": expected a numeric address such as \"127.0.0.1\" or \"::1\", without port, "
                  "saw \"" +
                  wire::printable(text.value) + "\"");
      addresses.push_back(text.value);
    }
  }
}

/// A list replaces that of [defaults]: what it leaves out is not allowed.
void Reader::read_addresses(const Spot& spot, std::vector<wire::AddressRange>& into) {
  const Node* node = spot.node.find("allow_addresses");
  if (!node) return;
  const Spot list{*node, spot.path + ".allow_addresses"};
  const auto given =
      texts(list, "expected an address range or an array of them such as [\"10.0.0.0/8\"]");
  if (!given) return;
  into.clear();
  for (const Text& text : *given) {
    const auto range = wire::AddressRange::parse(text.value);
    if (range) {
      into.push_back(*range);
    } else {
      fault(node->at.line, "bad_value",
            text.where +
                ": expected an address or a range such as \"169.254.1.0/24\" whose bits behind the "
                "prefix are 0, saw \"" +
                wire::printable(text.value) + "\"");
    }
  }
}

/// Unset: none, whatever the environment says. "env": http_proxy and no_proxy, in lower case only:
/// HTTP_PROXY is what a CGI server makes of a visitor's header `Proxy`.
void Reader::read_proxy(const Spot& spot, ServiceEntry& service) {
  auto url = wire::parse_base_url(service.base_url);
  if (!url) return;  // reported already
  const std::string override = "CALLERAPI_SERVICES__" + variable_name(service.name) + "__PROXY";
  const Node* node = spot.node.find("proxy");
  std::optional<Text> given = node ? text(spot, "proxy") : default_proxy_;
  if (const std::string* value = variable(override)) {
    given = Text{*value, "environment " + override, "environment " + override};
    node = nullptr;
  }
  if (!given || given->value.empty()) return;
  const bool from_environment = given->value == "env";
  if (url->scheme != "http") {
    if (!from_environment && node)
      fault_at({*node, spot.path + ".proxy"}, "proxy", "works for a base_url with http:// only");
    return;
  }
  if (from_environment) {
    const std::string* proxy = variable("http_proxy");
    const std::string* without = variable("no_proxy");
    if (!proxy || wire::bypasses_proxy(without ? *without : "", url->host, url->port)) return;
    given = Text{*proxy, "environment http_proxy", "environment http_proxy"};
    node = nullptr;
  }
  auto proxy = wire::parse_proxy(given->value);
  if (!proxy)
    return fault(node ? node->at.line : 0, "proxy", given->where + ": " + proxy.error().message);
  service.proxy = std::move(*proxy);
}

}  // namespace callerapi::registry
