#pragma once

#include <string>

#include "callerapi/result.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::host {

struct SealedCopy {
  Fd fd;
  bool in_memory = true;  ///< False: a file without a name, for memory may not be executed here.
};

/// A copy of a plugin that no other user can change and that the loader may map as code: sealed
/// memory, or, where the system forbids to execute that (vm.memfd_noexec, SELinux, seccomp), a file
/// of the temporary folder that has no name any more. `label` is what maps and core dumps call it.
/// Errors: resource_*, integrity_unsealed.
Result<SealedCopy> seal_copy(const std::string& bytes, const std::string& file,
                             const std::string& label);

}  // namespace callerapi::host
