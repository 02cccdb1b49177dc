#include "host/plugin_code.hpp"

#include <chrono>
#include <cstring>
#include <utility>

#include "callerapi/version.hpp"
#include "host/descriptor.hpp"
#include "host/plugin_file.hpp"
#include "wire/syntax.hpp"

namespace callerapi::host {
namespace {

std::string_view view(capi_str text) noexcept {
  return text.ptr == nullptr ? std::string_view() : std::string_view(text.ptr, text.len);
}
capi_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

// What the plugin holds as opaque pointers during a hook.
struct RequestBox {
  policy::HookRequest& request;
  std::string scratch;
};
RequestBox& box(const capi_request* r) {
  return *reinterpret_cast<RequestBox*>(const_cast<capi_request*>(r));
}
const policy::HookResponse& box(const capi_response* r) {
  return *reinterpret_cast<const policy::HookResponse*>(r);
}

capi_status give(std::optional<std::string_view> found, capi_str* out) noexcept {
  if (!found || out == nullptr) return -1;
  *out = str(*found);
  return 0;
}

// The functions of the host table: nothing may throw into a plugin.
capi_status request_header(const capi_request* r, capi_str name, capi_str* out) noexcept {
  return give(box(r).request.header(view(name)), out);
}
capi_status request_set_header(capi_request* r, capi_str name, capi_str value) noexcept {
  try {
    return box(r).request.set_header(view(name), view(value)) ? 0 : -1;
  } catch (...) {  // out of memory: the plugin is told like of any other failure
    return -2;
  }
}
capi_status request_info(const capi_request* r, std::uint32_t what, capi_str* out) noexcept {
  RequestBox& b = box(r);
  switch (what) {
    case CAPI_INFO_METHOD:
      return give(b.request.method(), out);
    case CAPI_INFO_TARGET:
      return give(b.request.target(), out);
    case CAPI_INFO_ENDPOINT:
      return give(b.request.endpoint(), out);
    case CAPI_INFO_AUTHORITY:
      return give(b.request.authority(), out);
    case CAPI_INFO_ATTEMPT:
      b.scratch = std::to_string(b.request.attempt());  // short: never allocates
      return give(b.scratch, out);
    case CAPI_INFO_BODY_STREAMED:
      return give(b.request.body() ? "0" : "1", out);
    default:
      return -1;
  }
}
capi_status request_body(const capi_request* r, capi_str* out) noexcept {
  return give(box(r).request.body(), out);
}
std::int32_t response_status(const capi_response* r) noexcept { return box(r).status; }
capi_status response_header(const capi_response* r, capi_str name, capi_str* out) noexcept {
  return give(box(r).headers.get(view(name)), out);
}
capi_status response_body(const capi_response* r, capi_str* out) noexcept {
  return give(box(r).body, out);
}

std::int64_t unix_ms(void*) noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}
const void* get_extension(void*, const char* id) noexcept {
  static constexpr capi_time time{sizeof(capi_time), 0, &unix_ms};
  return id != nullptr && std::strcmp(id, "callerapi.time/1") == 0 ? &time : nullptr;
}

/// What the host offers as `ctx`.
struct HostContext {
  const LoadedCode::Config& config;
  const base::Log& log;
};
capi_status config_get(void* ctx, capi_str key, capi_str* out) noexcept {
  const auto& config = static_cast<HostContext*>(ctx)->config;
  for (const auto& [name, value] : config)
    if (name == view(key)) return give(value, out);
  return -1;
}
void log_line(void* ctx, std::int32_t level, capi_str message) noexcept {
  const auto known = level < 0 || level > 3 ? LogLevel::info : static_cast<LogLevel>(level);
  static_cast<HostContext*>(ctx)->log.write(known, "plugin", view(message));
}

capi_error_out no_error() noexcept {
  capi_error_out out{};
  out.size = sizeof out;
  return out;
}
std::string_view said(const capi_error_out& out) noexcept {
  return {out.msg, ::strnlen(out.msg, sizeof out.msg)};
}

}  // namespace

LoadedCode::LoadedCode(std::unique_ptr<Library> library, std::string file, Config config,
                       const base::Log& log, Reaper reaper)
    : file_(std::move(file)),
      config_(std::move(config)),
      log_(log),
      reaper_(std::move(reaper)),
      library_(std::move(library)) {}

LoadedCode::~LoadedCode() { delete static_cast<HostContext*>(host_.ctx); }

Result<std::shared_ptr<LoadedCode>> LoadedCode::create(std::unique_ptr<Library> library,
                                                       std::string file, Config config,
                                                       const base::Log& log, Reaper reaper) {
  std::shared_ptr<LoadedCode> code(new LoadedCode(std::move(library), std::move(file),
                                                  std::move(config), log, std::move(reaper)));
  if (auto started = code->start(); !started) {
    code->library_->unload();
    return std::move(started).error();
  }
  return code;
}

Result<void> LoadedCode::start() {
  const capi_plugin& plugin = library_->descriptor();
  hooks_ = copy_hooks(plugin.hooks);
  host_ = {.size = sizeof(capi_host),
           .abi_major = CALLERAPI_ABI_MAJOR,
           .abi_minor = CALLERAPI_ABI_MINOR,
           .host_version = version_packed,
           .ctx = new HostContext{config_, log_},
           .get_extension = &get_extension,
           .config_get = &config_get,
           .log = &log_line,
           .request_header = &request_header,
           .request_set_header = &request_set_header,
           .request_info = &request_info,
           .request_body = &request_body,
           .response_status = &response_status,
           .response_header = &response_header,
           .response_body = &response_body};
  if (plugin.create == nullptr) return {};
  capi_error_out out = no_error();
  capi_status status = -1;
  try {
    status = plugin.create(&host_, &self_, &out);
  } catch (...) {  // a plugin that breaks the rule against throwing is refused, not fatal
    return rejected(file_, "create_failed", "create() threw an exception across the border");
  }
  if (status < 0)
    return rejected(file_, "create_failed", "create() answered: " + wire::printable(said(out)));
  return {};
}

bool LoadedCode::acquire() noexcept {
  if ((leases_.fetch_add(1, std::memory_order_acquire) & closed) == 0) return true;
  release();
  return false;
}

void LoadedCode::release() noexcept {
  // The last lease after close() finds only the closed bit and itself.
  if (leases_.fetch_sub(1, std::memory_order_acq_rel) == (closed | 1)) unload();
}

void LoadedCode::close() noexcept {
  leases_.fetch_add(1, std::memory_order_acquire);  // so that exactly one release() sees the end
  if ((leases_.fetch_or(closed, std::memory_order_acq_rel) & closed) != 0) {
    leases_.fetch_sub(1, std::memory_order_acq_rel);
    return;
  }
  release();
}

void LoadedCode::unload() noexcept {
  if (unloaded_.exchange(true)) return;
  // A late acquire() that fails may bring the count to the end again: only the first one unloads.
  reaper_([self = shared_from_this()] {
    const capi_plugin& plugin = self->library_->descriptor();
    if (plugin.destroy != nullptr) plugin.destroy(self->self_);
    if (!self->library_->unload())
      self->log_.write(
          LogLevel::warning, "host",
          self->file_ + ": stays mapped after unload; see docs/guide/write_a_plugin.md");
  });
}

Error LoadedCode::hook_error(const char* hook, const capi_error_out& out) const {
  return {.outcome = Outcome::plugin_error,
          .reason = "hook_failed",
          .message = std::string(hook) + " of " + file_ + " failed: " + wire::printable(said(out))};
}

Result<void> LoadedCode::on_request(policy::HookRequest& request) noexcept {
  if (hooks_.on_request == nullptr) return {};
  RequestBox held{request, {}};
  capi_error_out out = no_error();
  if (hooks_.on_request(self_, reinterpret_cast<capi_request*>(&held), &out) < 0)
    return hook_error("on_request", out);
  return {};
}

Result<void> LoadedCode::sign(policy::HookRequest& request) noexcept {
  if (hooks_.sign == nullptr) return {};
  RequestBox held{request, {}};
  capi_error_out out = no_error();
  if (hooks_.sign(self_, reinterpret_cast<capi_request*>(&held), &out) < 0)
    return hook_error("sign", out);
  return {};
}

Result<void> LoadedCode::on_response(const policy::HookResponse& response) noexcept {
  if (hooks_.on_response == nullptr) return {};
  capi_error_out out = no_error();
  if (hooks_.on_response(self_, reinterpret_cast<const capi_response*>(&response), &out) < 0)
    return hook_error("on_response", out);
  return {};
}

std::optional<std::string> LoadedCode::map_error(const policy::HookResponse& response) noexcept {
  if (hooks_.map_error == nullptr) return std::nullopt;
  capi_error_out out = no_error();
  if (hooks_.map_error(self_, reinterpret_cast<const capi_response*>(&response), &out) >= 0)
    return std::nullopt;
  return wire::printable(said(out));
}

}  // namespace callerapi::host
