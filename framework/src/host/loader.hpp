#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "callerapi/abi/v1.h"
#include "catalogue/tables.hpp"
#include "host/plugin_code.hpp"
#include "host/plugin_file.hpp"
#include "host/prober.hpp"

namespace callerapi::host {

struct Generation;

/// How a LoadRequest::plugin begins that is part of the program: a whole plugin of
/// Options::static_plugins, or the declarations alone, of Options::contracts. The id follows.
inline constexpr std::string_view static_prefix = "static:", contract_prefix = "caller:";
/// Neither has a file.
constexpr bool is_linked_in(std::string_view plugin) noexcept {
  return plugin.starts_with(static_prefix) || plugin.starts_with(contract_prefix);
}

struct LoadRequest {
  std::string service;  ///< For messages.
  std::string plugin;   ///< "x", "x.capi.so", "static:id" or "caller:id".
  std::filesystem::path plugin_dir;
  std::string sha256;  ///< Pin; empty: none.
  bool require_pins = false;
  bool insecure_permissions = false;
  bool pinned = false;           ///< Never unmapped.
  bool allow_downgrade = false;  ///< A lower version may replace the running one.
  bool safe_mode = false;        ///< Declarations only: its code is never created nor called.
  bool debugged = false;         ///< Loaded from its path and never unmapped.
  std::map<std::string, std::string> config;
  /// What this service runs from the same plugin; null: nothing. It must stay while this is used.
  std::shared_ptr<const Generation> running;
  bool replaces = false;    ///< The service runs something already, from this plugin or another.
  bool same_setup = false;  ///< `running` was made with the same config and unload.
};

/// One load of one plugin for one service. Immutable but for what is known of the file.
struct Generation {
  std::uint64_t number = 0;  ///< Rises with every load of the process.
  std::string sha256;        ///< Of the file; empty for a linked-in plugin.
  /// Of the file, where the same stamp means the same bytes. Known late when the file is young.
  /// Written by loads alone, of which there is one at a time.
  mutable std::optional<FileStamp> stamp;
  bool insecure_permissions = false;  ///< What its owner and mode were checked for.
  const capi_plugin* linked_in = nullptr;
  catalogue::PluginTables tables;
  std::shared_ptr<LoadedCode> code;  ///< Null: nothing but declarations, already unmapped.
};

/// What a load needs of its host.
struct LoadWith {
  LoadedCode::Around around;
  Prober& prober;
  const std::vector<const capi_plugin*>& static_plugins;
  const std::vector<const capi_plugin*>& contracts;
  bool contracts_optional = false;  ///< One that is not given declares nothing.
};

/// The running generation itself when neither the file nor the setup has changed. Errors:
/// `plugin_rejected` with a stable reason; the file, what was wanted and what was found. Then
/// `running` is as it was.
Result<std::shared_ptr<const Generation>> load(const LoadRequest& request, const LoadWith& with);

struct VerifiedFile;

/// The loads of one registry, in their order. Reads, verifies and probes the distinct files of
/// those to come, several at a time, so that each load finds its file as it was verified.
class LoadsInTurn {
 public:
  /// Both must outlive this.
  LoadsInTurn(std::span<const LoadRequest> requests, const LoadWith& with);
  ~LoadsInTurn();
  LoadsInTurn(const LoadsInTurn&) = delete;
  LoadsInTurn& operator=(const LoadsInTurn&) = delete;

  /// As load(), of the next request, of which there must be one.
  Result<std::shared_ptr<const Generation>> next();

 private:
  void look_ahead();

  const std::span<const LoadRequest> requests_;
  const LoadWith& with_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<VerifiedFile>> ahead_;
  std::set<std::string> names_, sums_;  ///< That were looked at.
};

}  // namespace callerapi::host
