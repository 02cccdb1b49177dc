#include "host/plugin_code.hpp"

#include <chrono>
#include <cstring>
#include <utility>

#include "callerapi/version.hpp"
#include "host/descriptor.hpp"
#include "host/faults.hpp"
#include "host/limited.hpp"
#include "wire/line.hpp"

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
RequestBox* box(const capi_request* r) {
  return reinterpret_cast<RequestBox*>(const_cast<capi_request*>(r));
}
const policy::HookResponse* box(const capi_response* r) {
  return reinterpret_cast<const policy::HookResponse*>(r);
}

capi_status give(std::optional<std::string_view> found, capi_str* out) noexcept {
  if (!found || out == nullptr) return -1;
  *out = str(*found);
  return 0;
}

// The functions of the host table: nothing may throw into a plugin, and none needs a sound
// argument.
capi_status request_header(const capi_request* r, capi_str name, capi_str* out) noexcept {
  return r == nullptr ? -1 : give(box(r)->request.header(view(name)), out);
}
capi_status request_header_at(const capi_request* r, std::uint64_t index, capi_str* name,
                              capi_str* value) noexcept {
  const auto field = r == nullptr ? std::nullopt : box(r)->request.header_at(index);
  if (!field) return -1;
  give(field->name, name);
  return give(field->value, value);
}
capi_status request_set_header(capi_request* r, capi_str name, capi_str value) noexcept {
  if (r == nullptr) return -1;
  try {
    return box(r)->request.set_header(view(name), view(value)) ? 0 : -1;
  } catch (...) {  // out of memory: the plugin is told like of any other failure
    return -2;
  }
}
capi_status request_info(const capi_request* r, std::uint32_t what, capi_str* out) noexcept {
  if (r == nullptr) return -1;
  RequestBox& b = *box(r);
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
  return r == nullptr ? -1 : give(box(r)->request.body(), out);
}
std::int32_t response_status(const capi_response* r) noexcept {
  return r == nullptr ? 0 : box(r)->status;
}
capi_status response_header(const capi_response* r, capi_str name, capi_str* out) noexcept {
  return r == nullptr ? -1 : give(box(r)->headers.get(view(name)), out);
}
capi_status response_body(const capi_response* r, capi_str* out) noexcept {
  return r == nullptr ? -1 : give(box(r)->body, out);
}

std::int64_t unix_ms(void*) noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}
const void* get_extension(void*, const char* id) noexcept {
  static constexpr capi_time time{sizeof(capi_time), 0, &unix_ms};
  return id != nullptr && std::strcmp(id, "callerapi.time/1") == 0 ? &time : nullptr;
}

// More than any line of a log is for.
constexpr std::size_t log_bytes_max = 4096;

/// What the host offers as `ctx`.
struct HostContext {
  const LoadedCode::Config& config;
  const base::Log log;
};
capi_status config_get(void* ctx, capi_str key, capi_str* out) noexcept {
  const auto& config = static_cast<HostContext*>(ctx)->config;
  for (const auto& [name, value] : config)
    if (name == view(key)) return give(value, out);
  return -1;
}
void log_line(void* ctx, std::int32_t level, capi_str message) noexcept {
  const auto known = level < 0 || level > 3 ? LogLevel::info : static_cast<LogLevel>(level);
  const base::Log& log = static_cast<HostContext*>(ctx)->log;
  const std::string_view text = view(message);
  if (text.size() <= log_bytes_max && wire::is_line(text)) return log.write(known, "plugin", text);
  try {
    log.write(known, "plugin", wire::line_of(text, log_bytes_max));
  } catch (...) {  // out of memory: a line less
  }
}

// What quiesce() is given, and what it and destroy() may take together before they count as hung.
constexpr std::uint32_t quiesce_budget_ms = 1000;
constexpr std::chrono::seconds end_limit{5};

capi_error_out no_error() noexcept {
  capi_error_out out{};
  out.size = sizeof out;
  return out;
}
std::string said(const capi_error_out& out) {
  return wire::line_of({out.msg, ::strnlen(out.msg, sizeof out.msg)}, sizeof out.msg);
}

}  // namespace

LoadedCode::LoadedCode(std::unique_ptr<Library> library, Origin origin, const Around& around)
    : origin_(std::move(origin)),
      log_(around.log),
      reaper_(around.reaper),
      counters_(around.counters),
      library_(std::move(library)) {}

LoadedCode::~LoadedCode() { delete static_cast<HostContext*>(host_.ctx); }

Result<std::shared_ptr<LoadedCode>> LoadedCode::create(std::unique_ptr<Library> library,
                                                       Origin origin, const Around& around) {
  std::shared_ptr<LoadedCode> code(new LoadedCode(std::move(library), std::move(origin), around));
  auto started = std::make_shared<Result<void>>();
  const auto task = [code, started] { *started = code->start(); };
  // One for its end first: there may be none by then.
  const Limited ran =
      around.reaper.ready() ? run_limited(create_limit, task) : Limited::not_started;
  if (ran == Limited::not_started) {
    code->library_->unload(code->origin_.id);
    return rejected(code->file(), PluginFault::resource_threads,
                    "no thread could be had for its create(); raise the limit of processes and "
                    "threads (ulimit -u, pids.max)");
  }
  if (ran == Limited::late) {
    code->library_->pin();
    return rejected(code->file(), PluginFault::create_timeout,
                    "create() has not returned within " + std::to_string(create_limit.count()) +
                        " s; its library stays mapped");
  }
  if (*started) return code;
  code->library_->unload(code->origin_.id);
  return std::move(*started).error();
}

Result<void> LoadedCode::start() {
  const capi_plugin& plugin = library_->descriptor();
  hooks_ = copy_hooks(plugin.hooks);
  host_ = {.size = sizeof(capi_host),
           .abi_major = CALLERAPI_ABI_MAJOR,
           .abi_minor = CALLERAPI_ABI_MINOR,
           .host_version = version_packed,
           .ctx = new HostContext{origin_.config, log_},
           .get_extension = &get_extension,
           .config_get = &config_get,
           .log = &log_line,
           .request_header = &request_header,
           .request_set_header = &request_set_header,
           .request_info = &request_info,
           .request_body = &request_body,
           .response_status = &response_status,
           .response_header = &response_header,
           .response_body = &response_body,
           .request_header_at = &request_header_at};
  if (plugin.create == nullptr) return {};
  capi_error_out out = no_error();
  capi_status status = -1;
  try {
    status = plugin.create(&host_, &self_, &out);
  } catch (...) {  // a plugin that breaks the rule against throwing is refused, not fatal
    return rejected(file(), PluginFault::create_failed,
                    "create() threw an exception across the border; catch it inside");
  }
  if (status < 0)
    return rejected(file(), PluginFault::create_failed, "create() answered: " + said(out));
  return {};
}

bool LoadedCode::acquire() noexcept {
  if ((leases_.fetch_add(1, std::memory_order_acquire) & closed) == 0) return true;
  release();
  return false;
}

void LoadedCode::release() noexcept {
  if (leases_.fetch_sub(1, std::memory_order_acq_rel) == (closed | 1)) reaper_.look();
}

void LoadedCode::close() noexcept {
  if ((leases_.fetch_or(closed, std::memory_order_acq_rel) & closed) == 0)
    reaper_.retire(shared_from_this());
}

LoadedCode::End LoadedCode::try_end() noexcept {
  if (unloaded_) return End::ended;
  // An acquire() that is about to fail counts for a moment; it touches no code of the plugin.
  if (leases_.load(std::memory_order_acquire) != closed) return End::held;
  // Shared with the thread: should destroy() hang, it must outlive everybody else.
  auto at_rest = std::make_shared<bool>(true);
  const Limited ran = run_limited(end_limit, [self = shared_from_this(), at_rest] {
    const capi_plugin& plugin = self->library_->descriptor();
    try {
      if (plugin.quiesce != nullptr && plugin.quiesce(self->self_, quiesce_budget_ms) < 0) {
        *at_rest = false;
        return;
      }
      if (plugin.destroy != nullptr) plugin.destroy(self->self_);
    } catch (...) {  // gone as far as it could go
      self->log_.write(LogLevel::warning, "host", self->file() + ": destroy() threw");
    }
  });
  if (ran == Limited::not_started) return End::no_thread;
  const bool returned = ran == Limited::returned;
  if (returned && !*at_rest) return End::not_at_rest;
  unloaded_ = true;
  if (!returned || origin_.pinned) {
    library_->pin();
    if (!returned)
      log_.write(LogLevel::warning, "host", file() + ": destroy() hangs; it stays mapped");
  } else if (!library_->unload(origin_.id)) {
    log_.write(LogLevel::warning, "host",
               file() + ": stays mapped after unload; see docs/explanation/plugins.md");
  }
  return End::ended;
}

std::uint64_t LoadedCode::hook_failures() const noexcept {
  return on_request_.guard.failures() + sign_.guard.failures() + on_response_.guard.failures() +
         map_error_.guard.failures();
}
std::uint64_t LoadedCode::hook_slow() const noexcept {
  return on_request_.guard.slow() + sign_.guard.slow() + on_response_.guard.slow() +
         map_error_.guard.slow();
}
bool LoadedCode::hooks_off() const noexcept {
  return on_request_.guard.resting() || sign_.guard.resting() || on_response_.guard.resting() ||
         map_error_.guard.resting();
}

template <class F>
LoadedCode::Ran LoadedCode::run(Hook& hook, bool answers_with_failure, F&& f) noexcept {
  const auto began = HookGuard::Clock::now();
  if (!hook.guard.may_run(began)) return Ran::not_at_all;
  Ran ran = Ran::threw;
  try {
    ran = f() < 0 ? Ran::failed : Ran::well;
  } catch (...) {  // thrown across the border: the last belt
  }
  const auto now = HookGuard::Clock::now();
  const bool refused = ran == Ran::failed && !answers_with_failure;
  const HookRun how = ran == Ran::threw ? HookRun::broken
                      : refused         ? HookRun::refused
                                        : HookRun::well;
  if (how != HookRun::well) counters_.hook_failures.fetch_add(1, std::memory_order_relaxed);
  if (now - began > HookGuard::budget) counters_.hook_slow.fetch_add(1, std::memory_order_relaxed);
  if (hook.guard.ran(how, now - began, now))
    log_.write(LogLevel::error, "host",
               file() + ": hook " + hook.name + " threw or took over " +
                   std::to_string(HookGuard::budget.count()) + " ms " +
                   std::to_string(HookGuard::strikes_max) + " times in a row; it is off for " +
                   std::to_string(HookGuard::rest.count()) + " s");
  return ran;
}

Result<void> LoadedCode::outcome(const Hook& hook, Ran ran, const capi_error_out& out) const {
  const std::string where = std::string(hook.name) + " of " + file();
  const auto error = [&](PluginFault fault, const std::string& text) {
    return Error{.outcome = Outcome::plugin_error,
                 .reason = std::string(name(fault)),
                 .message = where + text};
  };
  switch (ran) {
    case Ran::well:
      return {};
    case Ran::failed:
      return error(PluginFault::hook_failed, " failed: " + said(out));
    case Ran::threw:
      return error(PluginFault::hook_threw, " threw an exception across the border");
    case Ran::not_at_all:
      break;
  }
  return error(PluginFault::hook_off, " is off: it threw or was slow " +
                                          std::to_string(HookGuard::strikes_max) +
                                          " times in a row");
}

// A request is never sent without what on_request and sign would have done to it: while one of them
// is off its calls are refused at once.
Result<void> LoadedCode::on_request(policy::HookRequest& request) noexcept {
  if (hooks_.on_request == nullptr) return {};
  RequestBox held{request, {}};
  capi_error_out out = no_error();
  const Ran ran = run(on_request_, false, [&] {
    return hooks_.on_request(self_, reinterpret_cast<capi_request*>(&held), &out);
  });
  return outcome(on_request_, ran, out);
}

Result<void> LoadedCode::sign(policy::HookRequest& request) noexcept {
  if (hooks_.sign == nullptr) return {};
  RequestBox held{request, {}};
  capi_error_out out = no_error();
  const Ran ran = run(sign_, false, [&] {
    return hooks_.sign(self_, reinterpret_cast<capi_request*>(&held), &out);
  });
  return outcome(sign_, ran, out);
}

// These two only look at what has arrived: while they are off, calls go without them.
Result<void> LoadedCode::on_response(const policy::HookResponse& response) noexcept {
  if (hooks_.on_response == nullptr) return {};
  capi_error_out out = no_error();
  const Ran ran = run(on_response_, false, [&] {
    return hooks_.on_response(self_, reinterpret_cast<const capi_response*>(&response), &out);
  });
  if (ran == Ran::not_at_all) return {};
  return outcome(on_response_, ran, out);
}

std::optional<std::string> LoadedCode::map_error(const policy::HookResponse& response) noexcept {
  if (hooks_.map_error == nullptr) return std::nullopt;
  capi_error_out out = no_error();
  const Ran ran = run(map_error_, true, [&] {
    return hooks_.map_error(self_, reinterpret_cast<const capi_response*>(&response), &out);
  });
  if (ran != Ran::failed) return std::nullopt;
  return said(out);
}

}  // namespace callerapi::host
