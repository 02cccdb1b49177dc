#pragma once

#include <vector>

#include "callerapi/json.hpp"
#include "callerapi/stats.hpp"

namespace callerapi::cli {

void print_endpoints(const std::vector<EndpointInfo>& endpoints);
/// The member "endpoints" of the object that is open.
void write_endpoints(json::Writer& out, const std::vector<EndpointInfo>& endpoints);

}  // namespace callerapi::cli
