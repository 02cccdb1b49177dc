#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/result.hpp"

namespace callerapi::wire {

/// Where DNS says that a service runs: one SRV record (RFC 2782).
struct ServiceRecord {
  std::uint16_t priority = 0;  ///< The lowest first.
  std::uint16_t weight = 0;    ///< Among those of one priority; 0: hardly ever.
  std::uint16_t port = 0;
  std::string target;  ///< A name.

  bool operator==(const ServiceRecord&) const = default;
};

/// All records of a name, and how long that holds: as said, not yet bounded.
struct ServiceRecords {
  std::vector<ServiceRecord> all;
  Duration ttl{0};
};

using ServiceRecordsDone = std::function<void(Result<ServiceRecords>)>;

/// More than so many of one name are refused.
inline constexpr std::size_t service_records_max = 1000;

/// Reads the answer to a question for SRV: bytes of a name server, which may hold anything. Errors:
/// `dns_error`, reason no_address (no record, or the one of RFC 2782 that says "not here"),
/// malformed (what cannot be read, a target that is no host name, the port 0) or too_many. Never
/// half of it.
Result<ServiceRecords> read_service_records(const unsigned char* bytes, std::size_t size);

}  // namespace callerapi::wire
