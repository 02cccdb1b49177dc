#include "policy/discovery.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace callerapi::policy {
namespace {

std::vector<Site> without(const std::vector<Site>& all, const std::vector<Site>& some) {
  std::vector<Site> rest;
  std::ranges::copy_if(all, std::back_inserter(rest),
                       [&](const Site& one) { return std::ranges::find(some, one) == some.end(); });
  return rest;
}

std::vector<Site> applied(std::vector<Site> to, const SitesChange& change) {
  if (change.all) return *change.all;
  to = without(to, change.removed);
  for (const Site& one : without(change.added, to)) to.push_back(one);
  return to;
}

}  // namespace

void ListedSites::ask(std::uint64_t cursor, Answered done) {
  SitesChange change{.cursor = 1};
  if (cursor != change.cursor) change.all = all_;
  done(std::move(change));
}

NamedSites::NamedSites(std::string host, std::uint16_t port, Resolve resolve)
    : host_(std::move(host)), port_(port), resolve_(std::move(resolve)) {}

void NamedSites::ask(std::uint64_t cursor, Answered done) {
  resolve_([state = std::weak_ptr(state_), cursor, port = port_,
            done = std::move(done)](Result<std::vector<wire::Address>> found) {
    const auto known = state.lock();
    if (!known) return;
    if (!found) return done(std::move(found).error());
    // Resolvers turn the order of addresses with each answer: that is no change.
    std::vector<Site> all;
    for (wire::Address& address : *found) all.push_back({std::move(address.host), port});
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    const bool follows = cursor != 0 && cursor == known->cursor;
    SitesChange change;
    if (follows) {
      change.added = without(all, known->all);
      change.removed = without(known->all, all);
    } else {
      change.all = all;
    }
    if (all != known->all) {
      ++known->cursor;
      known->all = std::move(all);
    }
    change.cursor = known->cursor;
    done(std::move(change));
  });
}

Discovery::Discovery(std::unique_ptr<SiteSource> source)
    : source_(std::move(source)), sites_(source_->first()) {}

std::vector<Site> Discovery::sites() const {
  base::Lock lock(mutex_);
  return sites_;
}

std::optional<Error> Discovery::failing() const {
  base::Lock lock(mutex_);
  return failing_;
}

Duration Discovery::stale(TimePoint now) const {
  base::Lock lock(mutex_);
  return failing_ && good_until_ ? now - *good_until_ : Duration::zero();
}

void Discovery::look(TimePoint now, std::function<void(const Told&)> told) {
  if (std::exchange(asking_, true)) return;
  {
    base::Lock lock(mutex_);
    asked_at_ = now;
    if (!good_until_) good_until_ = now;
  }
  source_->ask(cursor_, [self = weak_from_this(), told = std::move(told)](auto answer) {
    const auto alive = self.lock();
    if (!alive) return;
    alive->asking_ = false;
    const Told news = alive->take(std::move(answer));
    if (news.changed || news.failing || news.recovered) told(news);
  });
}

Discovery::Told Discovery::take(Result<SitesChange> answer) {
  Told told;
  base::Lock lock(mutex_);
  std::vector<Site> next;
  if (answer) {
    next = applied(sites_, *answer);
    if (next.empty())
      answer = Error{.outcome = Outcome::no_instance,
                     .reason = "empty",
                     .message = "the answer names no instance"};
  }
  if (!answer) {
    if (!failing_) told.failing = answer.error();
    failing_ = std::move(answer).error();
    cursor_ = 0;  // what was not taken over is not to be built upon
    return told;
  }
  cursor_ = answer->cursor;
  good_until_ = asked_at_;
  told.recovered = failing_.has_value();
  failing_.reset();
  told.changed = next != sites_;
  sites_ = std::move(next);
  return told;
}

}  // namespace callerapi::policy
