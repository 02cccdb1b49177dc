#pragma once

#include <cstdint>
#include <memory>

#include "policy/credential.hpp"
#include "policy/hooks.hpp"
#include "policy/instances.hpp"
#include "policy/service_state.hpp"

namespace callerapi::policy {

/// What the calls of one service share. Immutable once published; a call holds the one it began
/// with, and with it everything its views point into.
struct Callee {
  std::shared_ptr<const InstanceSet> instances;
  std::shared_ptr<ServiceState> state;
  std::shared_ptr<Credential> credential;  ///< Null: requests carry none of the engine's.
  std::shared_ptr<PluginCode> code;        ///< Leased by calls; never called without a lease.
  std::uint64_t generation = 0;
};

}  // namespace callerapi::policy
