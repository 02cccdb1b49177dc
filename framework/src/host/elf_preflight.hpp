#pragma once

#include <span>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::host {

/// Reads the file as ELF without running or mapping any of it: the loader dies of SIGBUS on a
/// half-copied library and reports a wrong machine as "No such file" (docs/adr/0004). Errors:
/// format_not_elf, format_wrong_class, format_wrong_machine, format_truncated, format_corrupt,
/// format_entry_missing, policy_unique_symbols.
Result<void> preflight(std::span<const char> bytes, const std::string& file);

}  // namespace callerapi::host
