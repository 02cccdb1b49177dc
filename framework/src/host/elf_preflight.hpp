#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "callerapi/result.hpp"

namespace callerapi::host {

/// What a plugin says of itself in its file, before any of it is mapped.
struct PluginNote {
  std::uint16_t abi_major = 0, abi_minor = 0;
  std::uint64_t min_host_version = 0;
  std::string id, version, compiler;
  std::string build_id;  ///< Hexadecimal, or empty.
};

struct Inspection {
  PluginNote note;
  std::vector<std::string> needed;    ///< Names of libraries, all of them allowed.
  std::vector<std::string> warnings;  ///< "file: what may cost later".
};

/// Judges the file as ELF without running or mapping any of it: the loader dies of SIGBUS on a
/// half-copied library, reports a wrong machine as "No such file", and runs constructors before
/// anybody can ask what the library is. Errors: format_*, policy_*, abi_*.
Result<Inspection> preflight(std::span<const char> bytes, const std::string& file);

}  // namespace callerapi::host
