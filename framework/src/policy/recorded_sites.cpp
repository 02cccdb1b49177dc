#include "policy/recorded_sites.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace callerapi::policy {
namespace {

constexpr int weight_most = 100;

SitesChange since(std::uint64_t cursor, std::uint64_t known, const std::vector<Site>& all) {
  SitesChange change{.cursor = known};
  if (cursor != known) change.all = all;
  return change;
}

}  // namespace

std::vector<Site> sites_of(const std::vector<wire::ServiceRecord>& records) {
  std::map<std::uint16_t, int> heaviest;
  for (const auto& one : records)
    heaviest[one.priority] = std::max<int>(heaviest[one.priority], one.weight);
  std::vector<Site> all;
  for (const auto& one : records) {
    // Whole turns of 65,535 would have to be written out; a hundredth is as fine as a file has it.
    const int most = heaviest[one.priority];
    const int weight = most > weight_most ? one.weight * weight_most / most : one.weight;
    all.push_back({one.target, one.port, std::max(1, weight), one.priority});
  }
  std::ranges::sort(all, {}, [](const Site& s) { return std::tie(s.host, s.port, s.priority); });
  const auto again = std::unique(all.begin(), all.end(), [](const Site& a, const Site& b) {
    return a.host == b.host && a.port == b.port;
  });
  all.erase(again, all.end());
  std::ranges::stable_sort(all, {}, &Site::priority);
  return all;
}

RecordedSites::RecordedSites(Ask ask, std::function<TimePoint()> now, std::vector<Site> before)
    : ask_(std::move(ask)), now_(std::move(now)), before_(std::move(before)) {}

void RecordedSites::ask(std::uint64_t cursor, Answered done) {
  if (state_->holds_until && now_() < *state_->holds_until)
    return done(since(cursor, state_->cursor, state_->all));
  ask_([state = std::weak_ptr(state_), now = now_, cursor,
        done = std::move(done)](Result<wire::ServiceRecords> found) {
    const auto known = state.lock();
    if (!known) return;
    known->holds_until.reset();
    if (!found) return done(std::move(found).error());
    known->holds_until = now() + std::clamp(found->ttl, records_ttl_min, records_ttl_max);
    if (std::vector<Site> all = sites_of(found->all); all != known->all) {
      ++known->cursor;
      known->all = std::move(all);
    }
    done(since(cursor, known->cursor, known->all));
  });
}

}  // namespace callerapi::policy
