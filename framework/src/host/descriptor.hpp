#pragma once

#include <string>

#include "callerapi/abi/v1.h"
#include "callerapi/result.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::host {

/// Copies and checks what a plugin declares; nothing of the result points into the plugin. `file`
/// names it in errors: abi_*, descriptor_*.
Result<catalogue::PluginTables> copy_tables(const capi_plugin& plugin, const std::string& file);

/// The hooks at this host's own size, those the plugin lacks as null.
capi_hooks copy_hooks(const capi_hooks* hooks) noexcept;

}  // namespace callerapi::host
