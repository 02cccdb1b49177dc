#include "kit_host.hpp"

#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "callerapi/json.hpp"
#include "callerapi/version.hpp"
#include "host/descriptor.hpp"

namespace callerapi::probe {

capi_str kit_text(const char* text) noexcept { return {text, std::strlen(text)}; }

namespace {

const KitRequest& of(const capi_request* r) noexcept {
  return *reinterpret_cast<const KitRequest*>(r);
}
const KitResponse& of(const capi_response* r) noexcept {
  return *reinterpret_cast<const KitResponse*>(r);
}
capi_status give(bool refuses, capi_str text, capi_str* out) noexcept {
  if (refuses) return -1;
  *out = text;
  return 0;
}

std::int64_t unix_ms(void*) noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}
const void* get_extension(void*, const char* id) noexcept {
  static constexpr capi_time time{sizeof(capi_time), 0, &unix_ms};
  return id != nullptr && std::strcmp(id, "callerapi.time/1") == 0 ? &time : nullptr;
}
/// Nothing: every key is "1". What was asked for in vain is kept for the author.
struct Config {
  std::map<std::string, std::string, std::less<>> values;
  std::mutex mutex;  ///< Hooks ask on several threads.
  std::set<std::string, std::less<>> missed;
};
std::unique_ptr<Config>& config() {
  static std::unique_ptr<Config> given;
  return given;
}
constexpr std::size_t missed_max = 8;  // more than a message should list

capi_status config_get(void*, capi_str key, capi_str* out) noexcept {
  if (!config()) return give(false, kit_text("1"), out);
  Config& given = *config();
  const std::string_view name(key.ptr == nullptr ? "" : key.ptr, key.ptr == nullptr ? 0 : key.len);
  if (const auto found = given.values.find(name); found != given.values.end())
    return give(false, {found->second.data(), found->second.size()}, out);
  const std::lock_guard lock(given.mutex);
  if (given.missed.size() < missed_max) given.missed.emplace(name.substr(0, 63));
  return -1;
}

/// What to do about a create() that failed.
std::string hint() {
  if (!config()) return "every key of its config was \"1\"; give it real values with --config";
  const std::lock_guard lock(config()->mutex);
  std::string keys;
  for (const std::string& key : config()->missed) keys += (keys.empty() ? "'" : ", '") + key + "'";
  return keys.empty() ? "it was made with the config that was given"
                      : "it asked for " + keys + ", which the config that was given lacks";
}
void log_nothing(void*, std::int32_t, capi_str) noexcept {}
capi_status request_header(const capi_request* r, capi_str, capi_str* out) noexcept {
  return give(of(r).refuses, kit_text("1"), out);
}
capi_status request_header_at(const capi_request* r, std::uint64_t index, capi_str* name,
                              capi_str* value) noexcept {
  if (index > 0) return -1;
  const capi_status status = give(of(r).refuses, kit_text("X-Kit"), name);
  return status != 0 ? status : give(of(r).refuses, kit_text("1"), value);
}
capi_status request_set_header(capi_request* r, capi_str, capi_str) noexcept {
  return of(r).refuses ? -1 : 0;
}
capi_status request_info(const capi_request* r, std::uint32_t what, capi_str* out) noexcept {
  const KitRequest& request = of(r);
  switch (what) {
    case CAPI_INFO_METHOD:
      return give(request.refuses, request.method, out);
    case CAPI_INFO_TARGET:
      return give(request.refuses, request.target, out);
    case CAPI_INFO_ENDPOINT:
      return give(request.refuses, request.endpoint, out);
    case CAPI_INFO_AUTHORITY:
      return give(request.refuses, request.authority, out);
    case CAPI_INFO_ATTEMPT:
      return give(request.refuses, kit_text("1"), out);
    case CAPI_INFO_BODY_STREAMED:
      return give(request.refuses, kit_text("0"), out);
    default:
      return -1;
  }
}
capi_status request_body(const capi_request* r, capi_str* out) noexcept {
  return give(of(r).refuses, of(r).body, out);
}
std::int32_t response_status(const capi_response* r) noexcept { return of(r).status; }
capi_status response_header(const capi_response* r, capi_str, capi_str* out) noexcept {
  return give(of(r).refuses, kit_text("1"), out);
}
capi_status response_body(const capi_response* r, capi_str* out) noexcept {
  return give(of(r).refuses, of(r).body, out);
}

/// Calls one entry of the plugin. What it may not do is answered; that it fails, it may.
template <class F>
std::string guarded(const char* entry, std::string* said, const F& call) {
  capi_error_out out{};
  out.size = sizeof out;
  capi_status status = 0;
  try {
    status = call(&out);
  } catch (...) {
    return std::string(entry) + " threw an exception across the border; catch it inside";
  }
  if (status >= 0) return {};
  if (std::memchr(out.msg, '\0', sizeof out.msg) == nullptr)
    return std::string(entry) + " failed without a terminated text in capi_error_out::msg";
  if (said != nullptr) *said = out.msg;
  return {};
}

}  // namespace

const capi_host kit_host = {.size = sizeof(capi_host),
                            .abi_major = CALLERAPI_ABI_MAJOR,
                            .abi_minor = CALLERAPI_ABI_MINOR,
                            .host_version = version_packed,
                            .ctx = nullptr,
                            .get_extension = &get_extension,
                            .config_get = &config_get,
                            .log = &log_nothing,
                            .request_header = &request_header,
                            .request_set_header = &request_set_header,
                            .request_info = &request_info,
                            .request_body = &request_body,
                            .response_status = &response_status,
                            .response_header = &response_header,
                            .response_body = &response_body,
                            .request_header_at = &request_header_at};

KitRequest kit_request() noexcept {
  return {.method = kit_text("POST"),
          .target = kit_text("/v1/things?limit=1"),
          .endpoint = kit_text("create"),
          .authority = kit_text("service.test"),
          .body = kit_text(R"({"a":1})")};
}

bool give_config(const std::string& json) {
  const auto parsed = json::Document::parse(json);
  if (!parsed || parsed->root().kind() != json::Kind::object) return false;
  auto given = std::make_unique<Config>();
  for (std::size_t i = 0; i < parsed->root().size(); ++i)
    given->values.emplace(parsed->root().key(i), parsed->root().at(i).string().value_or(""));
  config() = std::move(given);
  return true;
}
bool config_given() noexcept { return config() != nullptr; }

Instance::Instance(const capi_plugin& plugin)
    : plugin_(plugin), hooks_(host::copy_hooks(plugin.hooks)) {
  if (plugin.create == nullptr) return;
  std::string said = "no text";
  capi_status status = -1;
  why_ = guarded("create()", &said, [&](capi_error_out* out) {
    return status = plugin_.create(&kit_host, &self_, out);
  });
  made_ = why_.empty() && status >= 0;
  if (why_.empty() && !made_) why_ = "create() answered: " + said + "; " + hint();
}

Instance::~Instance() {
  if (made_ && plugin_.destroy != nullptr) plugin_.destroy(self_);
}

std::string Instance::round(KitRequest request, KitResponse response) const {
  auto* r = reinterpret_cast<capi_request*>(&request);
  const auto* a = reinterpret_cast<const capi_response*>(&response);
  std::string fault;
  const auto call = [&](const char* name, auto* hook, auto* argument) {
    if (hook != nullptr && fault.empty())
      fault =
          guarded(name, nullptr, [&](capi_error_out* out) { return hook(self_, argument, out); });
  };
  call("on_request", hooks_.on_request, r);
  call("sign", hooks_.sign, r);
  call("on_response", hooks_.on_response, a);
  call("map_error", hooks_.map_error, a);
  return fault;
}

}  // namespace callerapi::probe
