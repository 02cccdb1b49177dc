#pragma once

#include <string>
#include <vector>

#include "callerapi/json.hpp"
#include "catalogue/tables.hpp"

namespace callerapi::host {

/// What a plugin declares, as callerapi-probe saw it: without policy and schema hashes.
struct Described {
  catalogue::PluginTables tables;
  std::vector<std::string> hooks;  ///< In the order in which a call meets them.
};

/// Reads what `callerapi-probe describe` wrote. What is missing stays empty.
Described read_description(json::View root);

}  // namespace callerapi::host
