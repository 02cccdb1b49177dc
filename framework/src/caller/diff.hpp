#pragma once

#include <string>

#include "catalogue/snapshot.hpp"
#include "registry/registry.hpp"

namespace callerapi::caller {

/// A service as the registry says it and as it came out.
struct ServiceFacts {
  const registry::ServiceEntry& entry;
  const catalogue::Service& service;
  const std::string& plugin_sha256;  ///< Of the file it runs from; empty: linked in.
};

/// "billing: added: plugin billing 2.3.1, base_url http://b".
std::string describe_added(const ServiceFacts& is);
/// "billing: changed: base_url http://a -> http://b, config.token (hidden) -> (hidden)". What may
/// be a secret is compared and not shown. At most 20 keys are named. Empty when nothing but places
/// in the file are others.
std::string describe_change(const ServiceFacts& was, const ServiceFacts& is);
/// "billing: removed".
std::string describe_removed(const std::string& name);

}  // namespace callerapi::caller
