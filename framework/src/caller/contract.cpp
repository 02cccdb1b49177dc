#include "caller/contract.hpp"

#include <string>
#include <string_view>

namespace callerapi::caller {
namespace {

std::string_view view(capi_str text) noexcept { return {text.ptr, text.len}; }

}  // namespace

Result<void> check_contract(const catalogue::Service& service, const policy::Endpoint& loaded,
                            const capi_endpoint& contract) {
  if (loaded.schema_hash == contract.schema_hash) return {};
  const auto refuse = [&](const std::string& what) {
    return Error{Outcome::contract_mismatch, "contract_mismatch",
                 service.name + "." + loaded.name + ": plugin " + service.plugin_id + " " +
                     service.plugin_version +
                     " does not fit the contract this program was built with: " + what +
                     "; rebuild against its header"};
  };
  if (loaded.method != view(contract.method))
    return refuse("method is " + loaded.method + ", expected " +
                  std::string(view(contract.method)));
  if (loaded.path != view(contract.path))
    return refuse("path is " + loaded.path + ", expected " + std::string(view(contract.path)));
  if (static_cast<int>(loaded.request_body) != contract.request_body)
    return refuse("the kind of request body differs");
  if (static_cast<int>(loaded.response_body) != contract.response_body)
    return refuse("the kind of response body differs");
  const auto known = [&](const policy::Param& p) {
    for (std::uint32_t i = 0; i < contract.n_params; ++i)
      if (view(contract.params[i].name) == p.name) return true;
    return false;
  };
  for (std::uint32_t i = 0; i < contract.n_params; ++i) {
    const capi_param& mine = contract.params[i];
    bool found = false;
    for (const policy::Param& p : loaded.params)
      found = found || (p.name == view(mine.name) && static_cast<int>(p.place) == mine.place &&
                        static_cast<int>(p.type) == mine.type);
    if (!found)
      return refuse("parameter '" + std::string(view(mine.name)) +
                    "' is gone or has another place or type");
  }
  for (const policy::Param& p : loaded.params)
    if (p.required && !known(p)) return refuse("parameter '" + p.name + "' is now required");
  return {};
}

}  // namespace callerapi::caller
