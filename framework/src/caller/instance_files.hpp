#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "policy/posted_sites.hpp"
#include "registry/discovery_entry.hpp"
#include "registry/watch.hpp"

namespace callerapi::caller {

/// Follows the files that say where services run. They are read by the control plane when a service
/// begins to follow one and by the thread that watches them later, never by the loop: it finds what
/// they said in a post. Thread-safe.
class InstanceFiles {
 public:
  /// `changed` runs on the watching thread, when one of them was read again.
  explicit InstanceFiles(std::function<void()> changed) : changed_(std::move(changed)) {}
  /// Joins the thread.
  ~InstanceFiles();
  InstanceFiles(const InstanceFiles&) = delete;
  InstanceFiles& operator=(const InstanceFiles&) = delete;

  /// Reads the file and makes a source of it; `before` holds until it could once be read. It is
  /// watched from the next settle() on, as long as the source lives.
  std::unique_ptr<policy::SiteSource> follow(const registry::DiscoveryEntry& entry,
                                             std::vector<policy::Site> before);
  /// After sources have come or gone: watches the files of those there are. One thread at a time.
  /// Error: `resource_exhausted`; they are not watched until a later one succeeds.
  Result<void> settle();
  /// In a forked child: gives up without joining.
  void abandon() noexcept;

 private:
  struct Followed {
    std::filesystem::path file;
    bool insecure_permissions;
    std::weak_ptr<policy::SitesPost> post;
  };
  void read_again();

  const std::function<void()> changed_;
  base::Mutex mutex_;
  std::vector<Followed> followed_ CALLERAPI_GUARDED_BY(mutex_);
  std::unique_ptr<registry::FileWatch> watch_;  ///< Made by the first settle() with a file.
};

}  // namespace callerapi::caller
