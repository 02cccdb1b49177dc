#pragma once

#include <string>

#include "callerapi/result.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::host {

/// May `next` take the place of `running` under its callers? Errors: descriptor_id_mismatch,
/// contract_downgrade, contract_break, unload_zombie.
Result<void> check_upgrade(const catalogue::PluginTables& running,
                           const catalogue::PluginTables& next, const std::string& file,
                           bool allow_downgrade);

}  // namespace callerapi::host
