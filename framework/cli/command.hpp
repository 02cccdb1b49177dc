#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/json.hpp"

namespace callerapi::cli {

/// What every sub-command is given.
struct Common {
  std::string registry;  ///< --registry, else CALLERAPI_REGISTRY, else ./registry.toml
  bool json = false;
};

/// 0 ok, 1 failed, 2 usage, 3 registry, 4 plugin, 5 unreachable, 6 timeout.
int exit_code(const Error& error) noexcept;

/// Prints one line on standard error, with a hint where there is one; answers exit_code().
int report(const Error& error);

/// Opens the registry without watching it.
Result<Caller> open(const Common& common);
/// The same with options of its own.
Result<Caller> open(const Common& common, Options options);

/// Has spans appended to `file`, unless it is empty; whose they are says OTEL_SERVICE_NAME, else
/// "callerapi". Errors: `invalid_argument`.
Result<void> trace_to(const std::string& file, Options& options);

/// Prints rows in columns that line up, the first row as heads.
void print_table(const std::vector<std::vector<std::string>>& rows);

/// Effective settings with their origins, as a table.
void print_settings(const std::vector<SettingInfo>& settings);

/// "250ms", "2s", "1m": milliseconds and more. Errors: `invalid_argument`.
Result<Duration> parse_duration(std::string_view text);

/// Base64 with padding (RFC 4648 4).
std::string encode_base64(std::string_view bytes);
Result<std::string> decode_base64(std::string_view text);

}  // namespace callerapi::cli
