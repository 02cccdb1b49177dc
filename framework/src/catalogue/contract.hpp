#pragma once

#include <string>
#include <string_view>

#include "catalogue/tables.hpp"

namespace callerapi::catalogue {

/// Would a caller that knows `running` be at a loss with `next`? The first break as
/// "endpoint: what", or empty: every endpoint is still there with its method, path
/// and body kinds, every parameter with its place and type, and no parameter is required that
/// callers may leave out today.
std::string contract_break(const PluginTables& running, const PluginTables& next);

/// Compares two versions, "2.10.0" above "2.9"; texts behind '-' or '+' do not count. Negative:
/// `a` is lower.
int compare_versions(std::string_view a, std::string_view b);
/// Does `next` announce a break? A higher major version, or minor version of 0.x.
bool announces_break(std::string_view running, std::string_view next);

}  // namespace callerapi::catalogue
