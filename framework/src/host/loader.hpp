#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "callerapi/abi/v1.h"
#include "catalogue/tables.hpp"
#include "host/plugin_code.hpp"

namespace callerapi::host {

struct LoadRequest {
  std::string service;  ///< For messages.
  std::string plugin;   ///< "x", "x.capi.so" or "static:id".
  std::filesystem::path plugin_dir;
  std::string sha256;  ///< Pin; empty: none.
  bool require_pins = false;
  bool insecure_permissions = false;
  std::map<std::string, std::string> config;
};

/// One load of one plugin for one service. Immutable.
struct Generation {
  std::uint64_t number = 0;  ///< Rises with every load of the process.
  std::string sha256;        ///< Of the file; empty for a linked-in plugin.
  catalogue::PluginTables tables;
  std::shared_ptr<LoadedCode> code;  ///< Null: nothing but declarations, already unmapped.
};

/// What a load needs of its host.
struct LoadWith {
  const base::Log& log;
  LoadedCode::Reaper reaper;
  const std::vector<const capi_plugin*>& static_plugins;
};

/// Errors: `plugin_rejected` with a stable reason; the file, what was wanted and what was found.
Result<std::shared_ptr<const Generation>> load(const LoadRequest& request, const LoadWith& with);

}  // namespace callerapi::host
