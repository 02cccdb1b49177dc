#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::wire {

/// An HTTP proxy that is given requests with their whole URL. A value.
struct Proxy {
  std::string host;  ///< Name or address, without brackets.
  std::uint16_t port = 0;
  std::string authorization;  ///< Value of Proxy-Authorization, or empty. A secret.

  bool operator==(const Proxy&) const = default;
};

/// `http://[user:password@]host:port`, percent-encoding in the user information undone. Errors:
/// `registry_invalid`, reason `proxy`; the text holds nothing of what was given.
Result<Proxy> parse_proxy(std::string_view text);

/// Does no_proxy keep `host:port` away from the proxy? Entries are separated by commas or blanks:
/// `*`, a name with its subdomains (`a.b` and `.a.b` are the same), an address, or a range, each
/// but the range with `:port` if only that port is meant. `localhost` and loopback addresses always
/// are.
bool bypasses_proxy(std::string_view no_proxy, const std::string& host, std::uint16_t port);

}  // namespace callerapi::wire
