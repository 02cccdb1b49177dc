#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"
#include "policy/discovery.hpp"

namespace callerapi::registry {

inline constexpr int weight_max = 100;
inline constexpr std::size_t instances_max = 1000;
inline constexpr std::size_t instances_file_bytes_max = std::size_t{256} << 10;

/// "10.0.0.1:8080", "[::1]:8080" or "billing-1.example:8080"; the port must be there. Errors:
/// `registry_invalid`, reason `instance`; the message says what is wrong and what would be right.
Result<policy::Site> parse_place(std::string_view text);

/// Adds one that a source names. Errors, reason `instance`: it is there already, or is one more
/// than instances_max; the message goes behind what names it.
Result<void> add_place(std::vector<policy::Site>& all, policy::Site one);

/// The instances of a file: one `host:port` or `host:port weight` on each line, weights 1 to
/// weight_max; empty lines count for nothing, nor does what stands behind a '#'. All or nothing.
/// Errors: `registry_invalid`, reason `instance`; the message begins with `shown_name:line`.
Result<std::vector<policy::Site>> parse_instances(std::string_view text,
                                                  const std::string& shown_name);

/// The same of a file, which must be as trustworthy as the registry file (it says where credentials
/// are sent) unless `insecure_permissions`. Errors have reason `file` as well. Blocks; thread-safe.
Result<std::vector<policy::Site>> read_instances_file(const std::filesystem::path& file,
                                                      bool insecure_permissions);

}  // namespace callerapi::registry
