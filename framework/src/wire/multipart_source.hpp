#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "callerapi/multipart.hpp"
#include "callerapi/result.hpp"

namespace callerapi::wire {

/// A boundary that no sensible body contains: 62^16 possibilities behind a fixed head.
std::string make_boundary(std::uint64_t random);

/// The body of RFC 7578, part after part, nothing kept in memory but the part heads. Its length is
/// known when every part's is. Errors: `invalid_argument`, reason illegal_byte.
Result<std::unique_ptr<BodySource>> make_multipart(std::vector<Multipart::Part> parts,
                                                   const std::string& boundary);

}  // namespace callerapi::wire
