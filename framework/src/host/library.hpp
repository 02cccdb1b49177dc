#pragma once

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
  /// Unmaps; answers whether the loader really let go (decision 7).
  virtual bool unload() noexcept = 0;

  /// Loads exactly the sealed bytes. Errors: load_failed, format_entry_missing.
  static Result<std::unique_ptr<Library>> load(SealedFile file);
  /// A plugin linked into this program.
  static std::unique_ptr<Library> linked_in(const capi_plugin& descriptor);
};

}  // namespace callerapi::host
