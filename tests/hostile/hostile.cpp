// Plugins that misbehave, one a case: built with -DCASE_<name>. Written against the bare C ABI, as
// a plugin that was not made with the SDK would be.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
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

#if defined(CASE_clash1) || defined(CASE_clash2)
extern "C" __attribute__((visibility("default"))) const capi_plugin callerapi_plugin_v0;
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
#elif defined(CASE_ctor_floods)
    static const char noise[4096] = {};
    struct stat info {};
    for (int fd = 0;; fd = (fd + 1) % 64)  // whatever pipe there is
      if (::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode))
        (void)!::write(fd, noise, sizeof noise);
#elif defined(CASE_ctor_exits)
    // Past the pre-flight, which refuses the import: what a statically linked runtime could do.
    asm volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
#endif
  }
};
#if defined(CASE_ctor_throws) || defined(CASE_ctor_aborts) || defined(CASE_ctor_traps) || \
    defined(CASE_ctor_hangs) || defined(CASE_ctor_exits) || defined(CASE_ctor_floods)
Constructed constructed;
#endif

#if defined(CASE_imports_exit)
[[maybe_unused]] void (*volatile leave)(int) = &std::exit;
#elif defined(CASE_starts_thread)
[[maybe_unused]] decltype(&::pthread_create) volatile starter = &::pthread_create;
#elif defined(CASE_undefined_function)
extern "C" void nowhere_function();
[[maybe_unused]] void (*volatile undefined)() = &nowhere_function;
#elif defined(CASE_undefined_data)
extern "C" int nowhere_data;
[[maybe_unused]] int* volatile undefined = &nowhere_data;
#elif defined(CASE_textrel)
asm(".text\n.balign 8\n.quad callerapi_plugin_v0\n.previous");  // an address in the code
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

#if defined(CASE_clash1) || defined(CASE_clash2)
// Two libraries with the same names and other layouts. The entry, which both must export, is looked
// at through its symbol: a global scope would answer with that of whoever came first.
struct Ledger {
#if defined(CASE_clash2)
  char longer[4096] = {};
#endif
  virtual ~Ledger() = default;
  virtual const char* mark() const { return MARK; }
};
Ledger* ledger() {
  static Ledger one;
  return &one;
}
const capi_plugin* volatile own_entry = nullptr;
#endif

const capi_host* host_of_self = nullptr;
[[maybe_unused]] volatile char first_byte = 0;

bool configured([[maybe_unused]] const capi_host* host, [[maybe_unused]] const char* key) {
  capi_str value{};
  // The conformance kit says "1" to every key.
  return host->config_get(host->ctx, str(key), &value) >= 0 &&
         std::string_view(value.ptr, value.len) != "1";
}

#if defined(CASE_calls_back)
// Whatever the types allow: no request, no text, no place for the answer.
void call_back(const capi_host* host, capi_request* r) {
  const auto* response = reinterpret_cast<const capi_response*>(static_cast<void*>(nullptr));
  capi_str out{};
  (void)host->get_extension(host->ctx, nullptr);
  (void)host->config_get(host->ctx, {nullptr, 0}, nullptr);
  host->log(host->ctx, 1 << 20, {nullptr, 0});
  (void)host->request_header(r, {nullptr, 0}, &out);
  (void)host->request_set_header(r, {nullptr, 0}, {nullptr, 0});
  for (std::uint32_t what = 0; what < 8; ++what) (void)host->request_info(r, what, nullptr);
  (void)host->request_body(r, nullptr);
  (void)host->response_status(response);
  (void)host->response_header(response, str("X"), &out);
  (void)host->response_body(response, &out);
}
#endif

#if defined(CASE_wants_config)
/// As many a sound one does: made with real values only.
capi_status check_config(const capi_host* host, capi_error_out* out) {
  constexpr std::string_view why = "config.url is no https URL";
  capi_str url{}, token{};
  (void)host->config_get(host->ctx, str("token"), &token);
  if (host->config_get(host->ctx, str("url"), &url) >= 0 &&
      std::string_view(url.ptr, url.len).starts_with("https://"))
    return 0;
  why.copy(out->msg, sizeof out->msg - 1);
  return -1;
}
#endif

capi_status create([[maybe_unused]] const capi_host* host, void** self,
                   [[maybe_unused]] capi_error_out* out) {
  host_of_self = host;
  *self = &host_of_self;
#if defined(CASE_wants_config)
  return check_config(host, out);
#elif defined(CASE_create_hangs)
  rest(3'600'000);
#elif defined(CASE_create_throws)
  throw 42;
#endif
#if defined(CASE_create_leaks)
  if (::open("/dev/null", O_RDONLY) < 0) return -1;
#elif defined(CASE_calls_back)
  call_back(host, nullptr);
#endif
  // Only the real host has a configuration: what the probe cannot see.
  if (configured(host, "create_hangs")) rest(3'600'000);
  if (configured(host, "create_fails")) return -1;
  return 0;
}
void destroy(void*) {}

capi_status on_request([[maybe_unused]] void* self, capi_request* r, capi_error_out*) {
#if defined(CASE_hook_logs)
  const std::string_view lines[] = {"a\nb\x1b[2J", "c\xc2\x85 d", "\xff", "na\xc3\xafve"};
  for (const std::string_view line : lines) host_of_self->log(host_of_self->ctx, 1, str(line));
  host_of_self->log(host_of_self->ctx, 1, str(std::string(4095, 'l') + "\xc3\xaf" + "no more"));
#elif defined(CASE_hook_throws)
  throw 42;
#elif defined(CASE_hook_slow)
  rest(200);
#endif
#if defined(CASE_thread_local_dtor)
  farewell.touched = 1;
#elif defined(CASE_calls_back)
  call_back(host_of_self, r);
  call_back(host_of_self, nullptr);
#elif defined(CASE_counts)
  // What is static belongs to one load of the file.
  static char count[] = "0";
  ++count[0];
  return host_of_self->request_set_header(r, str("X-Request-Mark"), str(count));
#elif defined(CASE_clash1) || defined(CASE_clash2)
  own_entry = &callerapi_plugin_v0;
  return host_of_self->request_set_header(r, str("X-Request-Mark"), own_entry->version);
#endif
#if defined(CASE_keeps_request)
  // What the last request's method was, read when it is long gone.
  static capi_str kept{};
  if (kept.len > 0) first_byte = *kept.ptr;
  host_of_self->request_info(r, CAPI_INFO_METHOD, &kept);
#elif defined(CASE_believes_host)
  capi_str method{};
  host_of_self->request_info(r, CAPI_INFO_METHOD, &method);
  first_byte = *method.ptr;
#endif
  return host_of_self->request_set_header(r, str("X-Request-Mark"), str(MARK));
}
#if defined(CASE_hook_keeps)
/// Holds texts of a request over its own changes, as the header of the ABI allows.
capi_status sign_what_was_lent(capi_request* r) {
  capi_str mark{}, first_name{}, first_value{};
  if (host_of_self->request_header(r, str("X-Request-Mark"), &mark) < 0 ||
      host_of_self->request_header_at(r, 0, &first_name, &first_value) < 0)
    return -1;
  const std::string copy(first_value.ptr, first_value.len);
  // The first field goes, which moves those behind it; then there is no room for more.
  const std::string filling(8192, 'f');
  if (host_of_self->request_set_header(r, first_name, str("another")) < 0 ||
      host_of_self->request_set_header(r, str("X-Filling"), str(filling)) < 0 ||
      host_of_self->request_set_header(r, str("X-Filling"), str("1")) < 0)
    return -1;
  if (std::string_view(first_value.ptr, first_value.len) != copy) return -1;
  return host_of_self->request_set_header(r, str("X-Sign-Mark"), mark);
}
#endif
capi_status sign(void*, capi_request* r, capi_error_out*) {
#if defined(CASE_hook_keeps)
  return sign_what_was_lent(r);
#endif
#if defined(CASE_clash1) || defined(CASE_clash2)
  return host_of_self->request_set_header(r, str("X-Sign-Mark"), str(ledger()->mark()));
#endif
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
#elif defined(CASE_huge_name)
constexpr struct Huge {
  char text[65536];
  constexpr Huge() : text() {
    for (char& c : text) c = 'a';
  }
} huge;
constexpr capi_endpoint endpoints[] = {
    endpoint(std::string_view(huge.text, sizeof huge.text), "/echo/{id}")};
#elif defined(CASE_duplicate_endpoint)
constexpr capi_endpoint endpoints[] = {endpoint("get", "/echo/{id}"),
                                       endpoint("get", "/other/{id}")};
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
