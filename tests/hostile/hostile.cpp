// Plugins that misbehave, one a case: built with -DCASE_<name>. Written against the bare C ABI, as
// a plugin that was not made with the SDK would be.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "callerapi/abi/v1.h"

#ifndef PLUGIN_ID
#define PLUGIN_ID "hostile"
#endif
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif
#ifndef NOTE_ID
#define NOTE_ID PLUGIN_ID
#endif
#ifndef PLUGIN_ABI
#define PLUGIN_ABI CALLERAPI_ABI_MAJOR
#endif
#ifndef MARK  // what the hooks of a sound plugin write into a request
#define MARK "1"
#endif

namespace {

constexpr capi_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

// Constructors that never come back, or not as they should.
[[maybe_unused]] void rest(long ms) {
  timespec left{ms / 1000, ms % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0) {
  }
}
struct Constructed {
  Constructed() {
#if defined(CASE_ctor_throws)
    throw 42;
#elif defined(CASE_ctor_aborts)
    std::abort();
#elif defined(CASE_ctor_traps)
    ::raise(SIGSEGV);
#elif defined(CASE_ctor_hangs)
    rest(3'600'000);
#elif defined(CASE_ctor_exits)
    // Past the pre-flight, which refuses the import: what a statically linked runtime could do.
    asm volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
#endif
  }
};
#if defined(CASE_ctor_throws) || defined(CASE_ctor_aborts) || defined(CASE_ctor_traps) || \
    defined(CASE_ctor_hangs) || defined(CASE_ctor_exits)
Constructed constructed;
#endif

#if defined(CASE_imports_exit)
[[maybe_unused]] void (*volatile leave)(int) = &std::exit;
#endif

#if defined(CASE_thread_local_dtor)
struct Farewell {
  Farewell() noexcept = default;
  ~Farewell() { farewells = 1; }
  volatile int touched = 0;
  static inline volatile int farewells = 0;
};
thread_local Farewell farewell;
#endif

const capi_host* host_of_self = nullptr;

bool configured([[maybe_unused]] const capi_host* host, [[maybe_unused]] const char* key) {
  capi_str value{};
  return host->config_get(host->ctx, str(key), &value) >= 0;
}

capi_status create(const capi_host* host, void** self, capi_error_out*) {
  host_of_self = host;
  *self = &host_of_self;
#if defined(CASE_create_hangs)
  rest(3'600'000);
#elif defined(CASE_create_throws)
  throw 42;
#endif
  // Only the real host has a configuration: what the probe cannot see.
  if (configured(host, "create_hangs")) rest(3'600'000);
  if (configured(host, "create_fails")) return -1;
  return 0;
}
void destroy(void*) {}

capi_status on_request([[maybe_unused]] void* self, capi_request* r, capi_error_out*) {
#if defined(CASE_hook_throws)
  throw 42;
#elif defined(CASE_hook_slow)
  rest(200);
#endif
#if defined(CASE_thread_local_dtor)
  farewell.touched = 1;
#endif
  return host_of_self->request_set_header(r, str("X-Request-Mark"), str(MARK));
}
capi_status sign(void*, capi_request* r, capi_error_out*) {
  return host_of_self->request_set_header(r, str("X-Sign-Mark"), str(MARK));
}
capi_status on_response(void*, const capi_response*, capi_error_out*) {
#if defined(CASE_on_response_throws)
  throw 42;
#endif
  return 0;
}

constexpr capi_hooks hooks{sizeof(capi_hooks), 0, &sign, &on_request, &on_response, nullptr};

constexpr capi_param params[] = {{sizeof(capi_param), CAPI_PATH, CAPI_TEXT, 1, 0, str("id")}};

constexpr capi_endpoint endpoint(std::string_view name, std::string_view path) {
  return {.size = sizeof(capi_endpoint),
          .request_body = CAPI_BODY_NONE,
          .response_body = CAPI_BODY_BYTES,
          .idempotency = CAPI_IDEMPOTENCY_BY_METHOD,
          .reserved = 0,
          .name = str(name),
          .method = str("GET"),
          .path = str(path),
          .params = params,
          .n_params = 1,
          .param_stride = sizeof(capi_param),
          .policy = nullptr,
          .n_policy = 0,
          .policy_stride = 0,
          .schema_hash = 1};
}

#if defined(CASE_nul_in_name)
constexpr capi_endpoint endpoints[] = {endpoint(std::string_view("a\0b", 3), "/echo/{id}")};
#elif defined(CASE_less)
constexpr capi_endpoint endpoints[] = {endpoint("other", "/other/{id}")};
#else
constexpr capi_endpoint endpoints[] = {endpoint("get", "/echo/{id}"),
                                       endpoint("other", "/other/{id}")};
#endif

}  // namespace

#if defined(CASE_unique_symbol)
inline int unique_state = 1;
extern "C" int* unique_user() { return &unique_state; }
#endif
#if defined(CASE_two_exports)
extern "C" __attribute__((visibility("default"))) int second_export() { return 2; }
#endif

extern "C"
    __attribute__((visibility("default"))) constinit const capi_plugin callerapi_plugin_v0 = {
        .size = sizeof(capi_plugin),
        .abi_major = PLUGIN_ABI,
        .abi_minor = CALLERAPI_ABI_MINOR,
        .min_host_version = 0,
        .features_required = 0,
        .id = str(PLUGIN_ID),
        .version = str(PLUGIN_VERSION),
        .owner = str("tests"),
        .endpoints = endpoints,
#if defined(CASE_million_endpoints)
        .n_endpoints = 1'000'000,
#else
        .n_endpoints = sizeof endpoints / sizeof endpoints[0],
#endif
        .endpoint_stride = sizeof(capi_endpoint),
        .policy = nullptr,
        .n_policy = 0,
        .policy_stride = 0,
        .hooks = &hooks,
        .create = &create,
        .quiesce = nullptr,
        .destroy = &destroy};

#if !defined(CASE_no_note)
extern "C" __attribute__((section(CALLERAPI_NOTE_SECTION), used, aligned(4),
                          visibility("hidden"))) constinit const capi_note callerapi_note_v0 = {
    10,
    128,
    1,
    "CallerAPI",
    128,
    PLUGIN_ABI,
    CALLERAPI_ABI_MINOR,
    {0, 0},
    NOTE_ID,
    PLUGIN_VERSION,
    "tests"};
#endif
