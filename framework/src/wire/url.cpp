#include "wire/url.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

#include "wire/encode.hpp"
#include "wire/resolve.hpp"

namespace callerapi::wire {
namespace {

constexpr std::size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::uint16_t default_port(std::string_view scheme) noexcept {
  return scheme == "https" ? 443 : 80;
}

Error refuse(std::string why) {
  return {.outcome = Outcome::registry_invalid, .reason = "base_url", .message = "base_url " + why};
}

bool is_host_byte(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_';
}

/// "127.1", "0x7f.1" and "2130706433" are numbers to some resolvers and names to others.
bool is_address_shorthand(const std::string& host) {
  const auto last = host.substr(host.find_last_of('.') + 1);
  const bool number =
      !last.empty() && (std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; }) ||
                        last.starts_with("0x") || last.starts_with("0X"));
  return number && !numeric_address(host, 1);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || port == 0 ||
      port > 65535)
    return refuse("has a port that is no number from 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

Result<void> check_path(std::string_view path) {
  if (!is_uri_text(path))
    return refuse("has a byte in its path that no URI holds as it is; percent-encode it");
  if (leads_elsewhere(path)) return refuse("has a dot segment in its path");
  return {};
}

Result<BaseUrl> parse_unix(std::string_view text) {
  const std::string_view socket = text.substr(0, text.find(':'));
  std::string_view prefix = text.substr(std::min(socket.size() + 1, text.size()));
  if (!socket.starts_with('/') || socket.starts_with("//") || socket.ends_with('/'))
    return refuse("names no socket; expected an absolute path such as unix:/run/x.sock");
  if (socket.size() > unix_path_bytes_max)
    return refuse("has a socket path of " + std::to_string(socket.size()) + " bytes, at most " +
                  std::to_string(unix_path_bytes_max) + " fit");
  if (!std::ranges::all_of(
          socket, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }))
    return refuse("has a control byte in the path of its socket");
  if (prefix.find_first_of("?#") != std::string_view::npos)
    return refuse("holds a query or fragment; only a path may follow the socket");
  if (!prefix.empty() && !prefix.starts_with('/'))
    return refuse("has a path behind its socket that does not begin with '/'");
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (auto checked = check_path(prefix); !checked) return std::move(checked).error();
  return BaseUrl{
      .scheme = "unix", .host = std::string(socket), .port = 0, .path = std::string(prefix)};
}

}  // namespace

bool is_host_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_host_byte);
}

std::string BaseUrl::authority() const {
  if (scheme == "unix") return "localhost";
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) text += ":" + std::to_string(port);
  return text;
}

Result<BaseUrl> parse_base_url(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  const std::string_view scheme = text.starts_with("https://") ? "https" : "http";
  if (scheme == "http" && !text.starts_with("http://"))
    return refuse(
        "begins with no scheme; expected http:// or https:// and host[:port][/path], or "
        "unix:/path/of.sock[:/path]");
  if (text.find('\\') != std::string_view::npos) return refuse("holds a backslash");
  if (text.find_first_of("?#") != std::string_view::npos)
    return refuse("holds a query or fragment; only a path may follow the host");
  text.remove_prefix(scheme.size() + 3);
  const std::string_view authority = text.substr(0, text.find('/'));
  std::string_view path = text.substr(authority.size());
  if (authority.find('@') != std::string_view::npos)
    return refuse("holds user information; credentials belong to config or headers");
  BaseUrl url{.scheme = std::string(scheme), .host = {}, .port = default_port(scheme), .path = {}};
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return refuse("has an unclosed '['");
    url.host = authority.substr(1, close - 1);
    if (url.host.find(':') == std::string::npos ||
        url.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos ||
        !numeric_address(url.host, 1))
      return refuse("has no IPv6 address in its brackets");
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return refuse("has text behind ']'");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    if (url.host.empty()) return refuse("has no host");
    if (!is_host_name(url.host))
      return refuse("has a host with bytes other than letters, digits, '-', '.' and '_'");
    if (is_address_shorthand(url.host))
      return refuse("has a shortened IPv4 address; write all four numbers");
  }
  if (has_port) {
    auto parsed = parse_port(port);
    if (!parsed) return std::move(parsed).error();
    url.port = *parsed;
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  if (auto checked = check_path(path); !checked) return std::move(checked).error();
  url.path = path;
  return url;
}

}  // namespace callerapi::wire
