#pragma once

#include <cstdint>
#include <string>

#include "callerapi/abi/v1.h"
#include "callerapi/result.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::host {

/// Can this host run a plugin of that ABI and need? Errors: abi_major_mismatch, abi_host_too_old.
Result<void> check_versions(const std::string& file, std::uint16_t abi_major,
                            std::uint64_t min_host_version);

/// Copies and checks what a plugin declares; nothing of the result points into the plugin. `file`
/// names it in errors: abi_*, descriptor_*.
Result<catalogue::PluginTables> copy_tables(const capi_plugin& plugin, const std::string& file);

/// A number that tells one declaration from another; the same in every process.
std::uint64_t fingerprint(const catalogue::PluginTables& tables);

/// The hooks at this host's own size, those the plugin lacks as null.
capi_hooks copy_hooks(const capi_hooks* hooks) noexcept;

}  // namespace callerapi::host
