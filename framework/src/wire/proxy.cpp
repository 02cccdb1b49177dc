#include "wire/proxy.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "wire/address_range.hpp"
#include "wire/encode.hpp"
#include "wire/name_files.hpp"
#include "wire/url.hpp"

namespace callerapi::wire {
namespace {

Error refuse(std::string why) {
  return {.outcome = Outcome::registry_invalid, .reason = "proxy", .message = std::move(why)};
}

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    return digits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = digit(text[i + 1]), low = digit(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || AddressRange::parse("127.0.0.0/8")->contains(host) ||
         AddressRange::parse("::1")->contains(host);
}

/// Takes `:port` off the end of an entry; nullopt: the entry is for another port.
std::optional<std::string_view> for_port(std::string_view entry, std::uint16_t port) {
  const auto colon = entry.rfind(':');
  const bool v6 = entry.find(':') != colon && !entry.starts_with('[');
  if (colon == std::string_view::npos || v6 || entry.ends_with(']')) return entry;
  if (entry.substr(colon + 1) != std::to_string(port)) return std::nullopt;
  return entry.substr(0, colon);
}

bool keeps_away(std::string_view entry, const std::string& host, std::uint16_t port) {
  if (entry == "*") return true;
  if (const auto range = AddressRange::parse(entry)) return range->contains(host);
  const auto own = for_port(entry, port);
  if (!own) return false;
  std::string name = lower_case(*own);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (const auto address = AddressRange::parse(name)) return address->contains(host);
  name.erase(0, name.find_first_not_of('.'));
  return !name.empty() && (host == name || host.ends_with("." + name));
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme))
    return refuse(
        "expected http://host:port of a proxy, or \"env\"; proxies of other kinds are not "
        "supported");
  text.remove_prefix(scheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  Proxy proxy;
  const auto at = text.rfind('@');
  if (at != std::string_view::npos) {
    const auto user = percent_decoded(text.substr(0, at));
    if (!user || user->find(':') == std::string::npos)
      return refuse("expected user:password before the '@', percent-encoded");
    proxy.authorization = "Basic " + base64(*user);
    text.remove_prefix(at + 1);
  }
  auto url = parse_base_url(std::string(scheme) + std::string(text));
  if (!url) return refuse("expected http://host:port; what stands there names no host and port");
  if (!url->path.empty()) return refuse("expected http://host:port without a path");
  proxy.host = std::move(url->host);
  proxy.port = url->port;
  return proxy;
}

bool bypasses_proxy(std::string_view no_proxy, const std::string& host, std::uint16_t port) {
  std::string name = lower_case(host);
  if (name.ends_with('.')) name.pop_back();
  if (is_loopback(name)) return true;
  constexpr std::string_view between = ", \t";
  while (!no_proxy.empty()) {
    const auto end = std::min(no_proxy.find_first_of(between), no_proxy.size());
    if (end > 0 && keeps_away(no_proxy.substr(0, end), name, port)) return true;
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
  }
  return false;
}

}  // namespace callerapi::wire
