#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

namespace callerapi::host {

/// Every stable code of the control plane about plugins; see faults.inc.
enum class PluginFault : std::uint8_t {
#define CALLERAPI_PLUGIN_FAULT(name, when, mend) name,
#include "host/faults.inc"
#undef CALLERAPI_PLUGIN_FAULT
};

struct PluginFaultRow {
  std::string_view name, when, mend;
};
/// In the order of the enum.
std::span<const PluginFaultRow> plugin_faults() noexcept;
std::string_view name(PluginFault) noexcept;
/// docs/reference/plugin_errors.md, whole.
std::string plugin_errors_reference();

/// An error of the control plane about one plugin file: the fault's name is the reason.
Error rejected(std::string_view file, PluginFault fault, std::string_view text);

}  // namespace callerapi::host
