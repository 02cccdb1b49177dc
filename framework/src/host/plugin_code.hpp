#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "callerapi/abi/v1.h"
#include "host/counters.hpp"
#include "host/hook_guard.hpp"
#include "host/library.hpp"
#include "host/reaper.hpp"
#include "policy/hooks.hpp"

namespace callerapi::host {

/// The hooks of one loaded plugin behind leases: a call holds it while its hooks may
/// run; after close() the reaper ends it, once the last lease is back: never on the thread that
/// called. Thread-safe.
class LoadedCode final : public policy::PluginCode,
                         public std::enable_shared_from_this<LoadedCode> {
 public:
  using Config = std::map<std::string, std::string>;
  struct Origin {
    std::string id, file;
    Config config;
    bool pinned = false;  ///< Stays mapped for the life of the process.
  };
  struct Around {
    const base::Log& log;
    Reaper& reaper;
    Counters& counters;
  };
  /// No plugin has business in create() that takes longer; what is later is left where it hangs.
  static constexpr std::chrono::seconds create_limit{5};

  /// Takes the library and calls its create(), on a thread of its own. Errors: create_failed,
  /// create_timeout, resource_threads.
  static Result<std::shared_ptr<LoadedCode>> create(std::unique_ptr<Library> library, Origin origin,
                                                    const Around& around);
  ~LoadedCode() override;

  bool acquire() noexcept override;
  void release() noexcept override;
  /// No new leases; the reaper ends it when the last is given back. Once.
  void close() noexcept;

  enum class End : std::uint8_t {
    ended,
    held,         ///< By calls.
    not_at_rest,  ///< Its quiesce() says so.
    no_thread,    ///< None could be had for its code.
  };
  /// The reaper's part: when drained and at rest, destroys and unmaps.
  End try_end() noexcept;
  std::uint64_t leases() const noexcept { return leases_.load() & ~closed; }
  /// Has the library really gone?
  bool unloaded() const noexcept { return unloaded_.load(); }
  const std::string& file() const noexcept { return origin_.file; }

  std::uint64_t hook_failures() const noexcept;
  std::uint64_t hook_slow() const noexcept;
  /// Does any hook rest because it threw or was slow too often?
  bool hooks_off() const noexcept;

  Result<void> on_request(policy::HookRequest& request) noexcept override;
  Result<void> sign(policy::HookRequest& request) noexcept override;
  Result<void> on_response(const policy::HookResponse& response) noexcept override;
  std::optional<std::string> map_error(const policy::HookResponse& response) noexcept override;

 private:
  struct Hook {
    const char* name;
    HookGuard guard;
  };
  enum class Ran : std::uint8_t { well, failed, threw, not_at_all };

  LoadedCode(std::unique_ptr<Library> library, Origin origin, const Around& around);
  Result<void> start();
  template <class F>
  Ran run(Hook& hook, bool answers_with_failure, F&& f) noexcept;
  Result<void> outcome(const Hook& hook, Ran ran, const capi_error_out& said) const;

  static constexpr std::uint64_t closed = 1ull << 63;

  const Origin origin_;
  const base::Log log_;  ///< Its own: a create() or destroy() that hangs may outlive the host.
  Reaper& reaper_;
  Counters& counters_;
  capi_hooks hooks_{};
  capi_host host_{};
  std::unique_ptr<Library> library_;
  void* self_ = nullptr;
  std::atomic<std::uint64_t> leases_{0};  ///< The top bit: closed.
  std::atomic<bool> unloaded_{false};
  Hook on_request_{"on_request", {}}, sign_{"sign", {}}, on_response_{"on_response", {}},
      map_error_{"map_error", {}};
};

}  // namespace callerapi::host
