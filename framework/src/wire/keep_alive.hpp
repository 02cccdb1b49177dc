#pragma once

#include <optional>

#include "callerapi/deadline.hpp"
#include "callerapi/headers.hpp"

namespace callerapi::wire {

/// How long the peer says that it keeps this connection without a request: `timeout` of Keep-Alive
/// (RFC 2068 19.7.1.1), the least where it says so more than once. What is not a whole number of
/// seconds says nothing.
std::optional<Duration> keep_alive_time(const Headers& headers);

}  // namespace callerapi::wire
