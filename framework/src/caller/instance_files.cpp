#include "caller/instance_files.hpp"

#include <utility>

#include "caller/watch_files.hpp"
#include "registry/instances_file.hpp"

namespace callerapi::caller {

InstanceFiles::~InstanceFiles() = default;

std::unique_ptr<policy::SiteSource> InstanceFiles::follow(const registry::DiscoveryEntry& entry,
                                                          std::vector<policy::Site> before) {
  const auto post = std::make_shared<policy::SitesPost>();
  post->put(registry::read_instances_file(entry.from, entry.insecure_permissions));
  {
    base::Lock lock(mutex_);
    followed_.push_back({entry.from, entry.insecure_permissions, post});
  }
  return std::make_unique<policy::PostedSites>(post, std::move(before));
}

Result<void> InstanceFiles::settle() {
  std::vector<std::filesystem::path> files;
  {
    base::Lock lock(mutex_);
    std::erase_if(followed_, [](const Followed& one) { return one.post.expired(); });
    for (const Followed& one : followed_) files.push_back(one.file);
  }
  if (!watch_ && files.empty()) return {};
  if (!watch_) {
    auto made = watch_files([this] { read_again(); });
    if (!made) return std::move(made).error();
    watch_ = std::move(*made);
  }
  watch_->set_files(std::move(files));
  return {};
}

void InstanceFiles::read_again() {
  std::vector<Followed> followed;
  {
    base::Lock lock(mutex_);
    followed = followed_;
  }
  for (const Followed& one : followed)
    if (const auto post = one.post.lock())
      post->put(registry::read_instances_file(one.file, one.insecure_permissions));
  changed_();
}

void InstanceFiles::abandon() noexcept {
  if (watch_) watch_->abandon();
}

}  // namespace callerapi::caller
