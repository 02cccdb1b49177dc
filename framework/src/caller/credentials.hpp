#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "callerapi/request.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "policy/credential.hpp"
#include "registry/auth_entry.hpp"
#include "wire/loop.hpp"
#include "wire/workers.hpp"

namespace callerapi::caller {

class SecretFile;

/// Makes the credentials of services and feeds them: from the registry, from files that change, and
/// from token services. Files are read on a thread of its own, for a mount may hang. Thread-safe.
class Credentials {
 public:
  /// POSTs to a service of the registry; `done` hears of it once, from any thread.
  using Post = std::function<void(const std::string& service, const std::string& path,
                                  Request request, std::function<void(Result<Response>)> done)>;
  Credentials(base::Log log, wire::Loop& loop, Post post);

  /// Null when `auth` is of type none. Reads the file of a bearer token or password.
  std::shared_ptr<policy::Credential> make(const std::string& service,
                                           const registry::AuthEntry& auth);
  /// Looks, elsewhere, whether files have changed. To be called about once a second.
  void sweep();
  /// Reads no file any more. What was asked of token services may still be answered.
  void stop() { files_thread_.reset(); }
  /// In a forked child: see wire::Workers.
  void abandon() noexcept { files_thread_->abandon(); }

 private:
  std::shared_ptr<policy::Credential> of_file(const std::string& service,
                                              const registry::AuthEntry& auth);
  std::shared_ptr<policy::Credential> of_token_service(const registry::AuthEntry& auth);
  void ask(const registry::AuthEntry& auth, std::string secret,
           const std::shared_ptr<policy::Credential>& credential);
  void look();

  const base::Log log_;
  wire::Loop& loop_;
  const Post post_;
  base::Mutex mutex_;
  std::vector<std::weak_ptr<SecretFile>> files_ CALLERAPI_GUARDED_BY(mutex_);
  std::atomic<bool> looking_{false};
  std::unique_ptr<wire::Workers> files_thread_ = std::make_unique<wire::Workers>(1);
};

}  // namespace callerapi::caller
