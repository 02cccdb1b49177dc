#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::wire {

/// Where a service is: base_url of the registry, taken apart.
struct BaseUrl {
  std::string scheme;  ///< "http", "https" or "unix"
  std::string host;    ///< Name or address, IPv6 without brackets; or the path of a unix socket.
  std::uint16_t port = 0;
  std::string path;  ///< Prefix of every endpoint, without trailing slash; may be empty.

  /// For the Host field: the port only when it is not the scheme's own; "localhost" for a socket.
  std::string authority() const;
};

/// Letters, digits, '-', '.' and '_', and at least one of them.
bool is_host_name(std::string_view text) noexcept;

/// `http://host[:port][/prefix]` or `unix:/path[:/prefix]`; the path of the socket ends at its
/// first colon. Errors: `registry_invalid`, reason `base_url`; the text never holds a password.
Result<BaseUrl> parse_base_url(std::string_view text);

}  // namespace callerapi::wire
