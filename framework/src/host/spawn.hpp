#pragma once

#include <cstddef>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::host {

/// What a probe may say at most: a thousand endpoints, described.
inline constexpr std::size_t verdict_bytes_max = 4u << 20;

/// Runs callerapi-probe with the plugin as descriptor 3 and reads what it writes to descriptor 4
/// until it ends or closes that, for 5 s at most; with a task, which may be long, for 15 s.
/// `config`, unless empty, is what descriptor 5 holds: it may be secret, and arguments and
/// environments can be seen by others. What is left of it and its children then is killed. Errors:
/// it is late, or says more than verdict_bytes_max; or the system's text.
Result<std::string> spawn_and_read(const std::string& program, int plugin,
                                   const std::string& task = "", const std::string& config = "");

}  // namespace callerapi::host
