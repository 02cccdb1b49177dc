#pragma once

#include <string_view>

#include "caller/host.hpp"
#include "catalogue/snapshot.hpp"

namespace callerapi::support {

/// What Caller::call() would make of the request, for tests that hand it to the host themselves.
inline caller::Host::Parts parts_of(caller::Host& host, std::string_view service,
                                    std::string_view endpoint, Request request) {
  auto begun = host.begin(service);
  if (!begun) return std::move(begun).error();
  const catalogue::Endpoint& e = begun->service->endpoints.find(endpoint)->second;
  if (auto prepared = policy::prepare(begun->parts->prepared, begun->service->view(), e.declared,
                                      e.path, e.settings.policy, request, host.loop());
      !prepared)
    return std::move(prepared).error();
  return std::move(begun->parts);
}

}  // namespace callerapi::support
