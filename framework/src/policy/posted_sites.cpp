#include "policy/posted_sites.hpp"

namespace callerapi::policy {

void SitesPost::put(Result<std::vector<Site>> found) {
  base::Lock lock(mutex_);
  // The same again is no change, and whoever follows need not look through it.
  if (cursor_ > 0 && found && found_ && *found == *found_) return;
  ++cursor_;
  found_ = std::move(found);
}

std::vector<Site> PostedSites::first() const {
  base::Lock lock(post_->mutex_);
  return post_->found_ && !post_->found_->empty() ? *post_->found_ : before_;
}

void PostedSites::ask(std::uint64_t cursor, Answered done) {
  done([&]() -> Result<SitesChange> {
    base::Lock lock(post_->mutex_);
    if (!post_->found_) return post_->found_.error();
    SitesChange change{.cursor = post_->cursor_};
    if (cursor != change.cursor) change.all = *post_->found_;
    return change;
  }());
}

}  // namespace callerapi::policy
