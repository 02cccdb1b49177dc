/* The layout of abi/v1.h on LP64. A red line here means that plugins built before no longer fit:
 * append members, never move or widen them. */
#include <stddef.h>

#include "callerapi/abi/v1.h"

LAYOUT(sizeof(capi_str) == 16);
LAYOUT(sizeof(capi_error_out) == 248 && offsetof(capi_error_out, msg) == 8);
LAYOUT(sizeof(capi_setting) == 32);
LAYOUT(sizeof(capi_param) == 24 && offsetof(capi_param, place) == 4);
LAYOUT(offsetof(capi_param, name) == 8);
LAYOUT(sizeof(capi_endpoint) == 96);
LAYOUT(offsetof(capi_endpoint, request_body) == 4 && offsetof(capi_endpoint, idempotency) == 6);
LAYOUT(offsetof(capi_endpoint, name) == 8 && offsetof(capi_endpoint, method) == 24);
LAYOUT(offsetof(capi_endpoint, path) == 40 && offsetof(capi_endpoint, params) == 56);
LAYOUT(offsetof(capi_endpoint, n_params) == 64 && offsetof(capi_endpoint, policy) == 72);
LAYOUT(offsetof(capi_endpoint, n_policy) == 80 && offsetof(capi_endpoint, schema_hash) == 88);
LAYOUT(sizeof(capi_host) == 104);
LAYOUT(offsetof(capi_host, host_version) == 8 && offsetof(capi_host, get_extension) == 24);
LAYOUT(offsetof(capi_host, request_header) == 48 && offsetof(capi_host, response_body) == 96);
LAYOUT(sizeof(capi_time) == 16);
LAYOUT(sizeof(capi_hooks) == 40 && offsetof(capi_hooks, sign) == 8);
LAYOUT(offsetof(capi_hooks, map_error) == 32);
LAYOUT(sizeof(capi_plugin) == 136);
LAYOUT(offsetof(capi_plugin, abi_major) == 4 && offsetof(capi_plugin, min_host_version) == 8);
LAYOUT(offsetof(capi_plugin, id) == 24 && offsetof(capi_plugin, owner) == 56);
LAYOUT(offsetof(capi_plugin, endpoints) == 72 && offsetof(capi_plugin, n_endpoints) == 80);
LAYOUT(offsetof(capi_plugin, policy) == 88 && offsetof(capi_plugin, hooks) == 104);
LAYOUT(offsetof(capi_plugin, create) == 112 && offsetof(capi_plugin, destroy) == 128);
LAYOUT(sizeof(capi_note) == 152 && offsetof(capi_note, size) == 24);
LAYOUT(offsetof(capi_note, id) == 40 && offsetof(capi_note, compiler) == 128);
