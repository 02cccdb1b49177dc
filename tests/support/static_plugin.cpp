#include "support/static_plugin.hpp"

#include <string_view>

namespace callerapi::support {
namespace {

constexpr capi_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

constexpr capi_param params[] = {{sizeof(capi_param), CAPI_PATH, CAPI_TEXT, 1, 0, str("id")}};

constexpr capi_endpoint endpoint(std::string_view name, std::string_view method,
                                 std::string_view path, capi_body body,
                                 capi_idempotency idempotency, bool with_id) noexcept {
  return {.size = sizeof(capi_endpoint),
          .request_body = static_cast<std::uint8_t>(body),
          .response_body = CAPI_BODY_BYTES,
          .idempotency = static_cast<std::uint8_t>(idempotency),
          .reserved = 0,
          .name = str(name),
          .method = str(method),
          .path = str(path),
          .params = with_id ? params : nullptr,
          .n_params = with_id ? 1u : 0u,
          .param_stride = sizeof(capi_param),
          .policy = nullptr,
          .n_policy = 0,
          .policy_stride = 0,
          .schema_hash = 1};
}

constexpr capi_endpoint endpoints[] = {
    endpoint("get", "GET", "/echo/{id}", CAPI_BODY_NONE, CAPI_IDEMPOTENCY_BY_METHOD, true),
    endpoint("put", "PUT", "/echo/{id}", CAPI_BODY_BYTES, CAPI_IDEMPOTENCY_BY_METHOD, true),
    endpoint("create", "POST", "/echo", CAPI_BODY_JSON, CAPI_IDEMPOTENCY_BY_METHOD, false),
    endpoint("keyed", "POST", "/keyed", CAPI_BODY_JSON, CAPI_IDEMPOTENCY_KEY, false),
};

constexpr capi_plugin plugin = {.size = sizeof(capi_plugin),
                                .abi_major = CALLERAPI_ABI_MAJOR,
                                .abi_minor = CALLERAPI_ABI_MINOR,
                                .min_host_version = 0,
                                .features_required = 0,
                                .id = str("echo"),
                                .version = str("1.0.0"),
                                .owner = str("tests"),
                                .endpoints = endpoints,
                                .n_endpoints = 4,
                                .endpoint_stride = sizeof(capi_endpoint),
                                .policy = nullptr,
                                .n_policy = 0,
                                .policy_stride = 0,
                                .hooks = nullptr,
                                .create = nullptr,
                                .quiesce = nullptr,
                                .destroy = nullptr};

}  // namespace

const capi_plugin* echo_plugin() noexcept { return &plugin; }

}  // namespace callerapi::support
