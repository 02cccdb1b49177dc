#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "callerapi/headers.hpp"
#include "callerapi/result.hpp"

namespace callerapi::policy {

/// What a hook may see of a request, and the one thing it may change. Lives during the hook.
class HookRequest {
 public:
  virtual ~HookRequest() = default;
  virtual std::string_view method() const = 0;
  virtual std::string_view target() const = 0;
  virtual std::string_view authority() const = 0;
  virtual std::string_view endpoint() const = 0;
  virtual int attempt() const = 0;  ///< 1 for the first.
  virtual std::optional<std::string_view> header(std::string_view name) const = 0;
  /// By number, from 0; nullopt behind the last.
  virtual std::optional<Headers::Field> header_at(std::size_t index) const = 0;
  /// Replaces; refuses reserved names and illegal bytes with `invalid_argument`.
  virtual Result<void> set_header(std::string_view name, std::string_view value) = 0;
  /// The body when it is in memory, nullopt when it is streamed.
  virtual std::optional<std::string_view> body() const = 0;
};

/// What a hook may see of a response. Lives during the hook.
struct HookResponse {
  int status;
  const Headers& headers;
  std::string_view body;  ///< Empty when a sink took it.
};

/// The code of one loaded plugin, as a call sees it; host implements it. Thread-safe.
///
/// A call that has hooks to run holds the code from acquire() to release(), the latter after its
/// last hook and before the result is handed out. acquire() answers false once the
/// generation is closed: look the service up again.
class PluginCode {
 public:
  virtual ~PluginCode() = default;
  virtual bool acquire() noexcept = 0;
  virtual void release() noexcept = 0;

  virtual Result<void> on_request(HookRequest&) noexcept = 0;
  virtual Result<void> sign(HookRequest&) noexcept = 0;
  virtual Result<void> on_response(const HookResponse&) noexcept = 0;
  /// The plugin's words for a status of 400 and more, or nothing.
  virtual std::optional<std::string> map_error(const HookResponse&) noexcept = 0;
};

/// Holds code that was acquired, and releases it once. Must not outlive the code.
class Lease {
 public:
  Lease() = default;
  /// Of `code` when it can be had; null or closed code makes an empty one.
  explicit Lease(PluginCode* code) noexcept : code_(code && code->acquire() ? code : nullptr) {}
  Lease(Lease&& other) noexcept : code_(std::exchange(other.code_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    std::swap(code_, other.code_);
    return *this;
  }
  ~Lease() { release(); }

  void release() noexcept {
    if (code_) std::exchange(code_, nullptr)->release();
  }
  explicit operator bool() const noexcept { return code_ != nullptr; }
  PluginCode* operator->() const noexcept { return code_; }

 private:
  PluginCode* code_ = nullptr;
};

}  // namespace callerapi::policy
