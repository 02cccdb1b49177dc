#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "policy/discovery.hpp"

namespace callerapi::policy {

/// Where somebody who looks elsewhere, at a file say, leaves what he found. Thread-safe.
class SitesPost {
 public:
  /// Replaces what was left before.
  void put(Result<std::vector<Site>> found);

 private:
  friend class PostedSites;
  mutable base::Mutex mutex_;
  std::uint64_t cursor_ CALLERAPI_GUARDED_BY(mutex_) = 0;
  Result<std::vector<Site>> found_ CALLERAPI_GUARDED_BY(mutex_){std::vector<Site>()};
};

/// Answers with what was left last, at once. Whoever puts lives as long as he likes: he holds the
/// post, not this.
class PostedSites final : public SiteSource {
 public:
  /// `before` is what holds until the first good set.
  PostedSites(std::shared_ptr<const SitesPost> post, std::vector<Site> before)
      : post_(std::move(post)), before_(std::move(before)) {}
  std::vector<Site> first() const override;
  /// Nothing was put yet: answers that nothing has changed.
  void ask(std::uint64_t cursor, Answered done) override;

 private:
  const std::shared_ptr<const SitesPost> post_;
  const std::vector<Site> before_;
};

}  // namespace callerapi::policy
