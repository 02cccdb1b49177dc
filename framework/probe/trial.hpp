#pragma once

#include <string>

#include "callerapi/abi/v1.h"
#include "host/faults.hpp"

namespace callerapi::probe {

inline constexpr int plugin_fd = 3;

/// What is wrong, as a verdict.
std::string refusal(const std::string& reason, const std::string& message);
std::string refusal(host::PluginFault fault, const std::string& detail, const std::string& message);

/// A mapped plugin, or why there is none.
struct Mapped {
  void* handle = nullptr;
  const capi_plugin* plugin = nullptr;
  host::PluginFault fault = host::PluginFault::load_failed;
  std::string why;  ///< Empty: it is mapped.
};
Mapped map_plugin(int fd);

/// What a host does before it loads: maps it, reads the descriptor, calls create and destroy with a
/// host that knows nothing, and unmaps it. Answers the fingerprint of what it declares and, when
/// `whole`, all of it; or a refusal.
std::string trial(bool whole);

}  // namespace callerapi::probe
