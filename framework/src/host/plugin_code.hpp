#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "callerapi/abi/v1.h"
#include "host/library.hpp"
#include "policy/hooks.hpp"

namespace callerapi::host {

/// The hooks of one loaded plugin behind leases (decision 6): a call holds it while its hooks may
/// run; after close() the last one to let go hands it to the reaper, never unloading on the thread
/// that called. Thread-safe.
class LoadedCode final : public policy::PluginCode,
                         public std::enable_shared_from_this<LoadedCode> {
 public:
  using Config = std::map<std::string, std::string>;
  /// Runs a task on a thread that may block, soon.
  using Reaper = std::function<void(std::function<void()>)>;

  /// Takes the library and calls its create(). Errors: create_failed.
  static Result<std::shared_ptr<LoadedCode>> create(std::unique_ptr<Library> library,
                                                    std::string file, Config config,
                                                    const base::Log& log, Reaper reaper);
  ~LoadedCode() override;

  bool acquire() noexcept override;
  void release() noexcept override;
  /// No new leases; unloads when the last is given back. Once.
  void close() noexcept;
  /// Has the library really gone?
  bool unloaded() const noexcept { return unloaded_.load(); }

  Result<void> on_request(policy::HookRequest& request) noexcept override;
  Result<void> sign(policy::HookRequest& request) noexcept override;
  Result<void> on_response(const policy::HookResponse& response) noexcept override;
  std::optional<std::string> map_error(const policy::HookResponse& response) noexcept override;

 private:
  LoadedCode(std::unique_ptr<Library> library, std::string file, Config config,
             const base::Log& log, Reaper reaper);
  Result<void> start();
  void unload() noexcept;
  Error hook_error(const char* hook, const capi_error_out& said) const;

  static constexpr std::uint64_t closed = 1ull << 63;

  const std::string file_;
  const Config config_;
  const base::Log& log_;
  const Reaper reaper_;
  capi_hooks hooks_{};
  capi_host host_{};
  std::unique_ptr<Library> library_;
  void* self_ = nullptr;
  std::atomic<std::uint64_t> leases_{0};  ///< The top bit: closed.
  std::atomic<bool> unloaded_{false};
};

}  // namespace callerapi::host
