#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/deadline.hpp"
#include "wire/address_range.hpp"
#include "wire/proxy.hpp"
#include "wire/tls_context.hpp"

namespace callerapi::pool {

/// Everything that decides which connections a service may share with itself over time. A reload
/// that changes none of these values keeps the connections; services never share.
struct Settings {
  std::string host;  ///< Name or address, without brackets; or the path of a unix socket.
  std::uint16_t port = 80;
  int connections_max = 64;                    ///< Per instance.
  std::optional<int> service_connections_max;  ///< To all instances; unset: see service_max().
  int queue_max = 1024;                        ///< Calls that may wait for a connection.
  Duration idle = std::chrono::seconds(15);    ///< Less than servers keep: nginx 75 s, many 20 s.
  Duration age =
      std::chrono::seconds(300);  ///< +-10 %. So that DNS changes and roll-outs are seen.
  Duration dns = std::chrono::seconds(2);
  Duration connect = std::chrono::seconds(2);       ///< Per address.
  std::vector<wire::AddressRange> allow_addresses;  ///< Empty: see wire::may_connect().

  std::optional<wire::Proxy> proxy;              ///< Connected to in place of host and port.
  Duration handshake = std::chrono::seconds(3);  ///< Of TLS.
  /// Null: plain text. The same object only where base_url's host and port and all settings of TLS
  /// are the same, so that neither a connection nor a session to resume outlives the trust it was
  /// made with; the instances of a service share it.
  std::shared_ptr<wire::TlsContext> tls;

  bool operator==(const Settings&) const = default;

  /// 512, or connections_max where that is more.
  int service_max() const noexcept {
    return service_connections_max.value_or(std::max(512, connections_max));
  }
};

}  // namespace callerapi::pool
