// callerapi-probe: loads one plugin where it can do no harm. Descriptor 3 is the plugin, sealed;
// descriptor 4 takes the verdict, one JSON object. The program forks while it has one thread: the
// child loads, the parent tells how that ended.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>

#include "callerapi/json.hpp"
#include "callerapi/version.hpp"
#include "host/descriptor.hpp"
#include "host/faults.hpp"
#include "host/sanitizer.hpp"

namespace {

using callerapi::host::PluginFault;

constexpr int plugin_fd = 3, verdict_fd = 4;
constexpr std::chrono::seconds wall_limit{2};

std::string refusal(const std::string& reason, const std::string& message) {
  callerapi::json::Writer out;
  out.begin_object().member("reason", reason).member("message", message).end_object();
  return out.take();
}
std::string refusal(PluginFault fault, const std::string& detail, const std::string& message) {
  return refusal(std::string(name(fault)) + (detail.empty() ? "" : ":" + detail), message);
}

void write_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    at += static_cast<std::size_t>(n);
  }
}

void bound(int what, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  ::setrlimit(static_cast<__rlimit_resource>(what), &limit);
}

void bound_child() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  bound(RLIMIT_CORE, 0, 0);
  bound(RLIMIT_FSIZE, 0, 0);
  bound(RLIMIT_CPU, 2, 3);
  bound(RLIMIT_NOFILE, 64, 64);
  // A sanitizer reserves terabytes of addresses for its shadow.
  if (!callerapi::host::sanitized) bound(RLIMIT_AS, 1u << 30, 1u << 30);
}

// The mock host: no configuration, no extensions, no requests. A create() that fails for want of
// its configuration is sound.
capi_status no_config(void*, capi_str, capi_str*) noexcept { return -1; }
const void* no_extension(void*, const char*) noexcept { return nullptr; }
void no_log(void*, std::int32_t, capi_str) noexcept {}
capi_status no_header(const capi_request*, capi_str, capi_str*) noexcept { return -1; }
capi_status no_header_at(const capi_request*, std::uint64_t, capi_str*, capi_str*) noexcept {
  return -1;
}
capi_status no_set(capi_request*, capi_str, capi_str) noexcept { return -1; }
capi_status no_info(const capi_request*, std::uint32_t, capi_str*) noexcept { return -1; }
capi_status no_body(const capi_request*, capi_str*) noexcept { return -1; }
std::int32_t no_status(const capi_response*) noexcept { return 0; }
capi_status no_field(const capi_response*, capi_str, capi_str*) noexcept { return -1; }
capi_status no_content(const capi_response*, capi_str*) noexcept { return -1; }

constexpr capi_host mock = {.size = sizeof(capi_host),
                            .abi_major = CALLERAPI_ABI_MAJOR,
                            .abi_minor = CALLERAPI_ABI_MINOR,
                            .host_version = callerapi::version_packed,
                            .ctx = nullptr,
                            .get_extension = &no_extension,
                            .config_get = &no_config,
                            .log = &no_log,
                            .request_header = &no_header,
                            .request_set_header = &no_set,
                            .request_info = &no_info,
                            .request_body = &no_body,
                            .response_status = &no_status,
                            .response_header = &no_field,
                            .response_body = &no_content,
                            .request_header_at = &no_header_at};

std::string create_and_destroy(const capi_plugin& plugin) {
  if (plugin.create == nullptr) return {};
  void* self = nullptr;
  capi_error_out out{};
  out.size = sizeof out;
  try {
    if (plugin.create(&mock, &self, &out) >= 0 && plugin.destroy != nullptr) plugin.destroy(self);
  } catch (...) {
    return refusal(PluginFault::probe_refused, std::string(name(PluginFault::create_failed)),
                   "create() threw an exception across the border; catch it inside");
  }
  return {};
}

std::string load() {
  const std::string path = "/proc/self/fd/" + std::to_string(plugin_fd);
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return refusal(PluginFault::probe_refused, std::string(name(PluginFault::load_failed)),
                   std::string("the loader refused it: ") + ::dlerror());
  const auto* plugin = static_cast<const capi_plugin*>(::dlsym(handle, CALLERAPI_PLUGIN_SYMBOL));
  if (plugin == nullptr)
    return refusal(PluginFault::probe_refused, std::string(name(PluginFault::format_entry_missing)),
                   "does not export '" CALLERAPI_PLUGIN_SYMBOL "'");
  const auto tables = callerapi::host::copy_tables(*plugin, "");
  if (!tables)  // "file: what is wrong", with an empty file
    return refusal(PluginFault::probe_refused, tables.error().reason,
                   tables.error().message.substr(2));
  std::string fault = create_and_destroy(*plugin);
  if (!fault.empty()) return fault;
  ::dlclose(handle);  // its destructors are part of the trial
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(callerapi::host::fingerprint(*tables)));
  callerapi::json::Writer out;
  out.begin_object().member("fingerprint", digits.data()).end_object();
  return out.take();
}

/// Reads what the child says until it ends or its time is over.
std::string listen(int fd, bool& late) {
  const auto until = std::chrono::steady_clock::now() + wall_limit;
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    late = left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0;
    if (late) return text;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string watch(pid_t child, int fd) {
  bool late = false;
  std::string text = listen(fd, late);
  ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.ends_with('\n')) return text;
  if (late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
    return refusal(PluginFault::probe_timeout, "",
                   "loading it in a child process took longer than 2 s; constructors and create() "
                   "must not block");
  if (WIFSIGNALED(status)) {
    const char* signal = ::sigabbrev_np(WTERMSIG(status));
    const std::string shown = "SIG" + std::string(signal == nullptr ? "?" : signal);
    return refusal(PluginFault::probe_crashed, shown,
                   "loading it killed a child process by " + shown +
                       "; does a static constructor throw, or create() touch what is not there?");
  }
  return refusal(PluginFault::probe_exit, "",
                 "loading it ended a child process with exit code " +
                     std::to_string(WEXITSTATUS(status)) + "; a plugin must not call exit()");
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends{};
  if (::fcntl(plugin_fd, F_GETFD) < 0 || ::fcntl(verdict_fd, F_GETFD) < 0 ||
      ::pipe2(ends.data(), O_CLOEXEC) != 0)
    return 2;  // started by hand: it has nobody to tell
  const pid_t child = ::fork();
  if (child < 0) return 2;
  if (child == 0) {
    ::close(verdict_fd);
    ::close(ends[0]);
    bound_child();
    write_all(ends[1], load() + "\n");
    ::_exit(0);
  }
  ::close(ends[1]);
  write_all(verdict_fd, watch(child, ends[0]));
  return 0;
}
