#pragma once

#include <vector>

#include "callerapi/json.hpp"
#include "callerapi/stats.hpp"

namespace callerapi::cli {

/// One service as an object: where it comes from, and what stands between it and its calls.
void write_service(json::Writer& out, const ServiceInfo& service);
void print_endpoints(const std::vector<EndpointInfo>& endpoints);
/// The member "endpoints" of the object that is open.
void write_endpoints(json::Writer& out, const std::vector<EndpointInfo>& endpoints);

}  // namespace callerapi::cli
