#pragma once

#include <cstdint>
#include <string>

namespace callerapi::policy {

/// RFC 9562 version 7: `unix_ms` first, so that keys sort by time.
std::string uuid_v7(std::int64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b);

}  // namespace callerapi::policy
