#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "callerapi/abi/v1.h"
#include "callerapi/dsl/text.hpp"

namespace callerapi {

/// The host as a plugin sees it. Valid as long as the plugin's object; thread-safe. What an older
/// host does not offer answers like what is not there: no configuration, an empty body.
class HostView {
 public:
  explicit HostView(const capi_host* host) noexcept : host_(host) {}
  /// A value of `config` of the service's registry entry.
  std::optional<std::string> config(std::string_view key) const {
    capi_str out{};
    if (!host_->config_get || host_->config_get(host_->ctx, dsl::str(key), &out) != 0)
      return std::nullopt;
    return std::string(out.ptr, out.len);
  }
  /// 0 debug, 1 info, 2 warning, 3 error. One line, no secrets.
  void log(int level, std::string_view message) const {
    if (host_->log) host_->log(host_->ctx, level, dsl::str(message));
  }
  /// Milliseconds since 1970 by the host's clock, which tests may set; the system's where an older
  /// host has none.
  std::int64_t unix_ms() const {
    const void* found =
        host_->get_extension ? host_->get_extension(host_->ctx, "callerapi.time/1") : nullptr;
    if (const auto* time = static_cast<const capi_time*>(found)) return time->unix_ms(host_->ctx);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  /// The table of the C interface, for extensions this class does not know.
  const capi_host* raw() const noexcept { return host_; }

 private:
  const capi_host* host_;
};

/// A request in a hook, which lends it: neither it nor its texts may be kept or read after the hook
/// has returned. One thread: the one that runs the hook.
class SignRequest {
 public:
  SignRequest(const capi_host* host, capi_request* request) noexcept
      : host_(host), request_(request) {}
  /// "GET"
  std::string_view method() const { return info(CAPI_INFO_METHOD); }
  /// Path and query as they will be sent, the base_url's path included.
  std::string_view target() const { return info(CAPI_INFO_TARGET); }
  /// Its name; empty for an ad-hoc request.
  std::string_view endpoint() const { return info(CAPI_INFO_ENDPOINT); }
  /// Host and port as in the field Host.
  std::string_view authority() const { return info(CAPI_INFO_AUTHORITY); }
  /// The whole body; empty when it is streamed.
  std::string_view body() const {
    capi_str out{};
    return host_->request_body && host_->request_body(request_, &out) == 0
               ? std::string_view(out.ptr, out.len)
               : std::string_view();
  }
  /// True when the body is streamed: body() is empty then, whatever will be sent.
  bool body_streamed() const { return info(CAPI_INFO_BODY_STREAMED) == "1"; }
  /// The first value of that name, which compares without case.
  std::optional<std::string_view> header(std::string_view name) const {
    capi_str out{};
    if (!host_->request_header || host_->request_header(request_, dsl::str(name), &out) != 0)
      return std::nullopt;
    return std::string_view(out.ptr, out.len);
  }
  /// f(name, value) for each header set so far. Those of the framing (Host, Content-Length) come
  /// later; f must not change headers. Throws when the host is older than this function.
  template <class F>
  void each_header(F&& f) const {
    if (!host_->request_header_at)
      throw std::runtime_error("the host cannot list the headers of a request; update it");
    capi_str name{}, value{};
    for (std::uint64_t i = 0; host_->request_header_at(request_, i, &name, &value) == 0; ++i)
      f(std::string_view(name.ptr, name.len), std::string_view(value.ptr, value.len));
  }
  /// Replaces a header. Throws when the host refuses it: reserved, or illegal bytes.
  void header(std::string_view name, std::string_view value) {
    if (!host_->request_set_header ||
        host_->request_set_header(request_, dsl::str(name), dsl::str(value)) != 0)
      throw std::runtime_error("the host refused header '" + std::string(name) + "'");
  }

 private:
  std::string_view info(std::uint32_t what) const {
    capi_str out{};
    return host_->request_info && host_->request_info(request_, what, &out) == 0
               ? std::string_view(out.ptr, out.len)
               : std::string_view();
  }
  const capi_host* host_;
  capi_request* request_;
};

/// A complete response in a hook, which lends it as it lends a SignRequest.
class HookedResponse {
 public:
  HookedResponse(const capi_host* host, const capi_response* response) noexcept
      : host_(host), response_(response) {}
  /// 200 to 999.
  int status() const { return host_->response_status ? host_->response_status(response_) : 0; }
  /// The first value of that name, which compares without case.
  std::optional<std::string_view> header(std::string_view name) const {
    capi_str out{};
    if (!host_->response_header || host_->response_header(response_, dsl::str(name), &out) != 0)
      return std::nullopt;
    return std::string_view(out.ptr, out.len);
  }
  std::string_view body() const {
    capi_str out{};
    return host_->response_body && host_->response_body(response_, &out) == 0
               ? std::string_view(out.ptr, out.len)
               : std::string_view();
  }

 private:
  const capi_host* host_;
  const capi_response* response_;
};

}  // namespace callerapi
