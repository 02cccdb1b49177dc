/* The layout of abi/v1.h on LP64, every member and every value. A red line here means that plugins
 * built before no longer fit: append members, never move or widen them. CALLERAPI_ABI names the
 * header: today's, or one kept in frozen/. */
#include <stddef.h>

#include CALLERAPI_ABI

#define AT(type, member, offset) LAYOUT(offsetof(type, member) == offset)

LAYOUT(sizeof(capi_str) == 16);
AT(capi_str, ptr, 0);
AT(capi_str, len, 8);
LAYOUT(sizeof(capi_status) == 4);
LAYOUT(sizeof(capi_error_out) == 248);
AT(capi_error_out, code, 4);
AT(capi_error_out, msg, 8);
LAYOUT(sizeof(capi_setting) == 32);
AT(capi_setting, value, 16);
LAYOUT(sizeof(capi_param) == 24);
AT(capi_param, place, 4);
AT(capi_param, type, 5);
AT(capi_param, required, 6);
AT(capi_param, name, 8);
LAYOUT(sizeof(capi_endpoint) == 96);
AT(capi_endpoint, request_body, 4);
AT(capi_endpoint, response_body, 5);
AT(capi_endpoint, idempotency, 6);
AT(capi_endpoint, name, 8);
AT(capi_endpoint, method, 24);
AT(capi_endpoint, path, 40);
AT(capi_endpoint, params, 56);
AT(capi_endpoint, n_params, 64);
AT(capi_endpoint, param_stride, 68);
AT(capi_endpoint, policy, 72);
AT(capi_endpoint, n_policy, 80);
AT(capi_endpoint, policy_stride, 84);
AT(capi_endpoint, schema_hash, 88);
#ifdef ABI_FROZEN_0_1
LAYOUT(sizeof(capi_host) == 104);
#else
LAYOUT(sizeof(capi_host) == 112);
AT(capi_host, request_header_at, 104);
#endif
AT(capi_host, abi_major, 4);
AT(capi_host, abi_minor, 6);
AT(capi_host, host_version, 8);
AT(capi_host, ctx, 16);
AT(capi_host, get_extension, 24);
AT(capi_host, config_get, 32);
AT(capi_host, log, 40);
AT(capi_host, request_header, 48);
AT(capi_host, request_set_header, 56);
AT(capi_host, request_info, 64);
AT(capi_host, request_body, 72);
AT(capi_host, response_status, 80);
AT(capi_host, response_header, 88);
AT(capi_host, response_body, 96);
LAYOUT(sizeof(capi_time) == 16);
AT(capi_time, unix_ms, 8);
LAYOUT(sizeof(capi_hooks) == 40);
AT(capi_hooks, flags, 4);
AT(capi_hooks, sign, 8);
AT(capi_hooks, on_request, 16);
AT(capi_hooks, on_response, 24);
AT(capi_hooks, map_error, 32);
LAYOUT(sizeof(capi_plugin) == 136);
AT(capi_plugin, abi_major, 4);
AT(capi_plugin, abi_minor, 6);
AT(capi_plugin, min_host_version, 8);
AT(capi_plugin, features_required, 16);
AT(capi_plugin, id, 24);
AT(capi_plugin, version, 40);
AT(capi_plugin, owner, 56);
AT(capi_plugin, endpoints, 72);
AT(capi_plugin, n_endpoints, 80);
AT(capi_plugin, endpoint_stride, 84);
AT(capi_plugin, policy, 88);
AT(capi_plugin, n_policy, 96);
AT(capi_plugin, policy_stride, 100);
AT(capi_plugin, hooks, 104);
AT(capi_plugin, create, 112);
AT(capi_plugin, quiesce, 120);
AT(capi_plugin, destroy, 128);
LAYOUT(sizeof(capi_note) == 152);
AT(capi_note, name, 12);
AT(capi_note, size, 24);
AT(capi_note, abi_major, 28);
AT(capi_note, abi_minor, 30);
AT(capi_note, min_host_version, 32);
AT(capi_note, id, 40);
AT(capi_note, version, 104);
AT(capi_note, compiler, 128);

LAYOUT(CAPI_PATH == 1 && CAPI_QUERY == 2 && CAPI_HEADER == 3 && CAPI_FORM == 4);
LAYOUT(CAPI_LOCATION == 5);
LAYOUT(CAPI_TEXT == 1 && CAPI_INTEGER == 2 && CAPI_REAL == 3 && CAPI_BOOLEAN == 4);
LAYOUT(CAPI_BODY_NONE == 1 && CAPI_BODY_JSON == 2 && CAPI_BODY_FORM == 3);
LAYOUT(CAPI_BODY_MULTIPART == 4 && CAPI_BODY_BYTES == 5);
LAYOUT(CAPI_IDEMPOTENCY_BY_METHOD == 0 && CAPI_IDEMPOTENT == 1);
LAYOUT(CAPI_NOT_IDEMPOTENT == 2 && CAPI_IDEMPOTENCY_KEY == 3);
LAYOUT(CAPI_INFO_METHOD == 1 && CAPI_INFO_TARGET == 2 && CAPI_INFO_ENDPOINT == 3);
LAYOUT(CAPI_INFO_ATTEMPT == 4 && CAPI_INFO_AUTHORITY == 5 && CAPI_INFO_BODY_STREAMED == 6);
