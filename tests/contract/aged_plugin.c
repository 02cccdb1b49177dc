/* A plugin of another age, in C11, against a header that is never edited.
 *  AGE_FROZEN: as it was built when that header was released.
 *  AGE_OLDER:  its hooks end after on_request. What lies behind them belongs to nobody.
 *  AGE_NEWER:  every struct and row has members this host knows nothing of. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "frozen/abi_0_1.h"

#if defined(AGE_NEWER)
#define ABI_MINOR (CALLERAPI_ABI_MINOR + 7)
#define LATER(type, name) \
  typedef struct name {   \
    type now;             \
    uint64_t later[3];    \
  } name
#else
#define ABI_MINOR CALLERAPI_ABI_MINOR
#define LATER(type, name) \
  typedef struct name {   \
    type now;             \
  } name
#endif
LATER(capi_param, aged_param);
LATER(capi_setting, aged_setting);
LATER(capi_endpoint, aged_endpoint);
LATER(capi_hooks, aged_hooks);
LATER(capi_plugin, aged_plugin);

#define STR(text) \
  { text, sizeof text - 1 }

static const capi_host* host;

static capi_str str(const char* text) {
  const capi_str out = {text, strlen(text)};
  return out;
}
static capi_status create(const capi_host* given, void** self, capi_error_out* out) {
  (void)out;
  host = given;
  *self = &host;
  return given->size < sizeof *given ? -1 : 0; /* the probe's table and the host's are whole */
}
static void destroy(void* self) { (void)self; }
static capi_status on_request(void* self, capi_request* request, capi_error_out* out) {
  (void)self, (void)out;
  return host->request_set_header(request, str("X-Request-Mark"), str(AGE));
}
#if !defined(AGE_OLDER)
static capi_status sign(void* self, capi_request* request, capi_error_out* out) {
  (void)self, (void)out;
  return host->request_set_header(request, str("X-Sign-Mark"), str(AGE));
}
static capi_status on_response(void* self, const capi_response* response, capi_error_out* out) {
  (void)self, (void)out;
  return host->response_status(response) == 200 ? 0 : -1;
}
#endif

#if defined(AGE_OLDER)
/* Called, these would end the process. */
#define NOWHERE(type) ((type)(uintptr_t)0x10)
static const aged_hooks hooks = {
    {offsetof(capi_hooks, on_response), 0, 0, on_request,
     NOWHERE(capi_status (*)(void*, const capi_response*, capi_error_out*)),
     NOWHERE(capi_status (*)(void*, const capi_response*, capi_error_out*))}};
#else
static const aged_hooks hooks = {.now = {sizeof(aged_hooks), 0, sign, on_request, on_response, 0}};
#endif

static const aged_param params[] = {
    {.now = {sizeof(aged_param), CAPI_PATH, CAPI_TEXT, 1, 0, STR("id")}},
    {.now = {sizeof(aged_param), CAPI_QUERY, CAPI_INTEGER, 0, 0, STR("limit")}}};

static const aged_setting settings[] = {{.now = {STR("timeouts.total"), STR("7s")}},
                                        {.now = {STR("retry.max_attempts"), STR("1")}}};

#define ENDPOINT(label)                      \
  {                                          \
    .now = {                                 \
      .size = sizeof(aged_endpoint),         \
      .request_body = CAPI_BODY_NONE,        \
      .response_body = CAPI_BODY_BYTES,      \
      .name = STR(label),                    \
      .method = STR("GET"),                  \
      .path = STR("/" label "/{id}"),        \
      .params = &params[0].now,              \
      .n_params = 2,                         \
      .param_stride = sizeof(aged_param),    \
      .policy = &settings[0].now,            \
      .n_policy = 2,                         \
      .policy_stride = sizeof(aged_setting), \
      .schema_hash = 1                       \
    }                                        \
  }
static const aged_endpoint endpoints[] = {ENDPOINT("get"), ENDPOINT("other")};

__attribute__((visibility("default")))
const aged_plugin callerapi_plugin_v0 = {.now = {.size = sizeof(aged_plugin),
                                                 .abi_major = CALLERAPI_ABI_MAJOR,
                                                 .abi_minor = ABI_MINOR,
                                                 .id = STR("aged"),
                                                 .version = STR("1.0.0"),
                                                 .owner = STR("tests"),
                                                 .endpoints = &endpoints[0].now,
                                                 .n_endpoints = 2,
                                                 .endpoint_stride = sizeof(aged_endpoint),
                                                 .policy = &settings[0].now,
                                                 .n_policy = 2,
                                                 .policy_stride = sizeof(aged_setting),
                                                 .hooks = &hooks.now,
                                                 .create = create,
                                                 .destroy = destroy}};

__attribute__((section(CALLERAPI_NOTE_SECTION), used, aligned(4))) static const capi_note note = {
    10, 128, 1, "CallerAPI", 128, CALLERAPI_ABI_MAJOR, ABI_MINOR, {0, 0}, "aged", "1.0.0", "C"};
