#pragma once

#include <string>
#include <string_view>

namespace callerapi::registry {

/// Names of services and endpoints: `[a-z][a-z0-9]*([_-][a-z0-9]+)*`, at most 63 bytes.
bool is_name(std::string_view name) noexcept;
/// How a name is spelt in variables: "billing-eu" is BILLING_EU.
std::string variable_name(std::string_view name);
/// The way back for keys: "TIMEOUTS__READ_IDLE" is "timeouts.read_idle", "HEADERS__X_TENANT" is
/// "headers.x-tenant".
std::string key_of_variable(std::string_view variable);

}  // namespace callerapi::registry
