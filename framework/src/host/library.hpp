#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "callerapi/abi/v1.h"
#include "callerapi/result.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::host {

/// A mapped plugin. The only place Boost.DLL is used; its exceptions end here.
class Library {
 public:
  virtual ~Library() = default;
  virtual const capi_plugin& descriptor() const noexcept = 0;
  /// Unmaps; answers whether the loader really let go. What stays is counted as a
  /// zombie of `id` and keeps its descriptor: a new file under the same number would be answered
  /// with the old code.
  virtual bool unload(const std::string& id) noexcept = 0;
  /// Leaves it mapped for the life of the process.
  virtual void pin() noexcept = 0;

  /// Loads exactly the sealed bytes. Errors: load_failed, load_already_resident,
  /// format_entry_missing.
  static Result<std::unique_ptr<Library>> load(SealedFile file);
  /// Loads the file by its path, where a debugger finds it, and never unmaps it. Libraries of one
  /// path are one, what is static in them included; a file that has changed is refused.
  static Result<std::unique_ptr<Library>> load_by_path(SealedFile file);
  /// A plugin linked into this program.
  static std::unique_ptr<Library> linked_in(const capi_plugin& descriptor);
};

/// Libraries of that plugin which were unloaded and are still mapped; looks again at each.
std::size_t zombies(const std::string& id);
/// Of all plugins.
std::size_t zombies();

}  // namespace callerapi::host
