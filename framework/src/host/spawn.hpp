#pragma once

#include <string>

#include "callerapi/result.hpp"

namespace callerapi::host {

/// Runs callerapi-probe with the plugin as descriptor 3 and reads what it writes to descriptor 4
/// until it ends, for 5 s at most; with a task, which may be long, for 15 s. `config`, unless
/// empty, is what descriptor 5 holds: it may be secret, and arguments and environments can be seen
/// by others. Errors: the system's text.
Result<std::string> spawn_and_read(const std::string& program, int plugin,
                                   const std::string& task = "", const std::string& config = "");

}  // namespace callerapi::host
