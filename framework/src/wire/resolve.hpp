#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "callerapi/result.hpp"
#include "wire/stream.hpp"

namespace callerapi::wire {

/// `host` itself when it is a numeric address, so that nothing need be looked up.
std::optional<Address> numeric_address(const std::string& host, std::uint16_t port);

/// getaddrinfo: blocks. Errors: `dns_error` with reason not_found, temporary or failed.
Result<std::vector<Address>> look_up(const std::string& host, std::uint16_t port);

}  // namespace callerapi::wire
