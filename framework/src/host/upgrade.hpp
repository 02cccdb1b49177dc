#pragma once

#include <string>

#include "callerapi/result.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::host {

/// May `next` take the place of `running` under its callers? Errors: descriptor_id_mismatch,
/// contract_downgrade, contract_break.
Result<void> check_upgrade(const catalogue::PluginTables& running,
                           const catalogue::PluginTables& next, const std::string& file,
                           bool allow_downgrade);

/// May another copy of plugin `id` take the place of what a service runs, whichever file it comes
/// from? Not while too many stay mapped for good. Errors: unload_zombie.
Result<void> check_zombies(const std::string& id, const std::string& file);

}  // namespace callerapi::host
