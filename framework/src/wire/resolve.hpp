#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "callerapi/result.hpp"
#include "wire/name_cache.hpp"
#include "wire/stream.hpp"

namespace callerapi::wire {

/// `host` itself when it is a numeric address, so that nothing need be looked up.
std::optional<Address> numeric_address(const std::string& host, std::uint16_t port);

/// getaddrinfo: blocks, and knows no TTL. Errors: `dns_error` with reason not_found, no_address,
/// temporary or refused.
Result<Found> look_up(const std::string& host);

}  // namespace callerapi::wire
