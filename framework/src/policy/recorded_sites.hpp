#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/discovery.hpp"
#include "wire/service_records.hpp"

namespace callerapi::policy {

// Of the TTL of SRV records (semantics S9).
inline constexpr Duration records_ttl_min = std::chrono::seconds(1);
inline constexpr Duration records_ttl_max = std::chrono::seconds(60);

/// The places that SRV records name, the most preferred first. Weights become 1 to 100, in
/// proportion within a priority. Of two records for one place the more preferred counts.
std::vector<Site> sites_of(const std::vector<wire::ServiceRecord>& records);

/// What the SRV records of a name say, asked again when their TTL is over; after a failure at once.
class RecordedSites final : public SiteSource {
 public:
  using Ask = std::function<void(wire::ServiceRecordsDone)>;
  /// `before` is what holds until the first answer; `now` is asked on the loop's thread.
  RecordedSites(Ask ask, std::function<TimePoint()> now, std::vector<Site> before);
  std::vector<Site> first() const override { return before_; }
  void ask(std::uint64_t cursor, Answered done) override;

 private:
  struct State {
    std::uint64_t cursor = 0;
    std::vector<Site> all;
    std::optional<TimePoint> holds_until;  ///< Nothing: ask.
  };
  const Ask ask_;
  const std::function<TimePoint()> now_;
  const std::vector<Site> before_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace callerapi::policy
