#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "callerapi/detail/settable_header.hpp"
#include "callerapi/plugin.hpp"

/// For the tests of a plugin's hooks: a host that answers from memory. Header-only.
namespace callerapi::testing {
/// A request as a hook will see it, and what it made of it. Header names compare as HTTP's do.
struct FakeRequest {
  std::string method = "GET", target = "/", endpoint = "get", authority = "service.test", body{};
  bool body_streamed = false;  ///< Then the body cannot be seen.
  int attempt = 1;
  std::map<std::string, std::string, detail::LessName> headers{};
  // The host's own: what it lends, and what it has lent of headers that were replaced.
  mutable std::string scratch{};
  std::multimap<std::string, std::string, detail::LessName> replaced{};
};

/// A complete response as a hook will see it.
struct FakeResponse {
  int status = 200;
  std::string body{};
  std::map<std::string, std::string, detail::LessName> headers{};
};

/// The host, with the service's `config`. It must outlive the plugins made for it. Thread-safe.
class FakeHost {
 public:
  struct Line {
    int level;
    std::string message;
  };
  /// FakeHost host{{"token", "s3cret"}};
  FakeHost(std::initializer_list<std::pair<const std::string, std::string>> config = {})
      : config_(config) {
    host_ = {.size = sizeof(capi_host),
             .abi_major = CALLERAPI_ABI_MAJOR,
             .abi_minor = CALLERAPI_ABI_MINOR,
             .host_version = version_packed,
             .ctx = this,
             .get_extension = &get_extension,
             .config_get = &config_get,
             .log = &log,
             .request_header = &request_header,
             .request_set_header = &request_set_header,
             .request_info = &request_info,
             .request_body = &request_body,
             .response_status = [](const capi_response* r) { return of(r).status; },
             .response_header = &response_header,
             .response_body = &response_body,
             .request_header_at = &request_header_at};
  }
  const capi_host* raw() const noexcept { return &host_; }
  /// The clock that plugins ask for stands at 1970 until it is moved.
  void advance(std::chrono::milliseconds by) noexcept { now_ms_ += by.count(); }
  std::vector<Line> logged() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  static const FakeRequest& of(const capi_request* r) noexcept {
    return *reinterpret_cast<const FakeRequest*>(r);
  }
  static const FakeResponse& of(const capi_response* r) noexcept {
    return *reinterpret_cast<const FakeResponse*>(r);
  }
  static std::string_view view(capi_str text) noexcept { return {text.ptr, text.len}; }
  static FakeHost& self(void* ctx) noexcept { return *static_cast<FakeHost*>(ctx); }
  static capi_status give(std::string_view text, capi_str* out) noexcept {
    *out = dsl::str(text);
    return 0;
  }
  static capi_status look_up(const auto& map, capi_str name, capi_str* out) {
    const auto found = map.find(std::string(view(name)));
    return found == map.end() ? -1 : give(found->second, out);
  }

  static std::int64_t unix_ms(void* ctx) { return self(ctx).now_ms_; }
  static const void* get_extension(void*, const char* id) {
    static constexpr capi_time time{sizeof(capi_time), 0, &unix_ms};
    return id != nullptr && std::strcmp(id, "callerapi.time/1") == 0 ? &time : nullptr;
  }
  static capi_status config_get(void* ctx, capi_str key, capi_str* out) {
    return look_up(self(ctx).config_, key, out);
  }
  static void log(void* ctx, std::int32_t level, capi_str message) {
    const std::lock_guard lock(self(ctx).mutex_);
    self(ctx).lines_.push_back({level, std::string(view(message))});
  }
  static capi_status request_header(const capi_request* r, capi_str name, capi_str* out) {
    return look_up(of(r).headers, name, out);
  }
  static capi_status request_header_at(const capi_request* r, std::uint64_t index, capi_str* name,
                                       capi_str* value) {
    const auto& headers = of(r).headers;
    if (index >= headers.size()) return -1;
    const auto& [set_name, set_value] =
        *std::next(headers.begin(), static_cast<std::ptrdiff_t>(index));
    give(set_name, name);
    return give(set_value, value);
  }
  static capi_status request_set_header(capi_request* r, capi_str name, capi_str value) {
    if (!detail::settable_header(view(name), view(value))) return -1;
    FakeRequest& request = *reinterpret_cast<FakeRequest*>(r);
    // What was lent of the old one stays as it was, as with a real host.
    if (auto old = request.headers.extract(std::string(view(name))))
      request.replaced.insert(std::move(old));
    request.headers.emplace(view(name), view(value));
    return 0;
  }
  static capi_status request_info(const capi_request* r, std::uint32_t what, capi_str* out) {
    const FakeRequest& request = of(r);
    if (what == CAPI_INFO_METHOD) return give(request.method, out);
    if (what == CAPI_INFO_TARGET) return give(request.target, out);
    if (what == CAPI_INFO_ENDPOINT) return give(request.endpoint, out);
    if (what == CAPI_INFO_AUTHORITY) return give(request.authority, out);
    if (what == CAPI_INFO_BODY_STREAMED) return give(request.body_streamed ? "1" : "0", out);
    if (what != CAPI_INFO_ATTEMPT) return -1;
    request.scratch = std::to_string(request.attempt);
    return give(request.scratch, out);
  }
  static capi_status request_body(const capi_request* r, capi_str* out) {
    return of(r).body_streamed ? -1 : give(of(r).body, out);
  }
  static capi_status response_header(const capi_response* r, capi_str name, capi_str* out) {
    return look_up(of(r).headers, name, out);
  }
  static capi_status response_body(const capi_response* r, capi_str* out) {
    return give(of(r).body, out);
  }

  capi_host host_{};
  const std::map<std::string, std::string> config_;
  std::atomic<std::int64_t> now_ms_{0};
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

/// A plugin made for a host, its hooks called over the border as a real host calls them. Each
/// answers the text with which the hook failed ("failed without a text" where it had none), or
/// nothing. Throws std::runtime_error when the
/// constructor refuses. Thread-safe if the plugin is.
template <class P>
class HookedPlugin {
 public:
  /// Throws std::runtime_error with the text of a constructor that throws.
  explicit HookedPlugin(const FakeHost& host) {
    const std::string why = said(
        [&](capi_error_out* out) { return detail::Border<P>::create(host.raw(), &self_, out); });
    if (!why.empty()) throw std::runtime_error(why);
  }
  ~HookedPlugin() { detail::Border<P>::destroy(self_); }
  HookedPlugin(const HookedPlugin&) = delete;
  HookedPlugin& operator=(const HookedPlugin&) = delete;

  std::string on_request(FakeRequest& r) { return hook(&detail::Border<P>::on_request, &r); }
  std::string sign(FakeRequest& r) { return hook(&detail::Border<P>::sign, &r); }
  std::string on_response(const FakeResponse& r) {
    return hook(&detail::Border<P>::on_response, &r);
  }
  /// What Response::plugin_error would say.
  std::string map_error(const FakeResponse& r) { return hook(&detail::Border<P>::map_error, &r); }

 private:
  template <class F>
  static std::string said(const F& call) {
    capi_error_out out{};
    out.size = sizeof out;
    if (call(&out) >= 0) return {};
    return out.msg[0] == '\0' ? "failed without a text" : out.msg;
  }
  template <class R, class T>
  std::string hook(capi_status (*entry)(void*, R*, capi_error_out*) noexcept, T* argument) {
    return said(
        [&](capi_error_out* out) { return entry(self_, reinterpret_cast<R*>(argument), out); });
  }

  void* self_ = nullptr;
};

}  // namespace callerapi::testing
