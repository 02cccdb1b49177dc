#include "policy/meter.hpp"

#include <algorithm>

#include "policy/retry.hpp"

namespace callerapi::policy {
namespace {

using base::Writers;
constexpr Writers writers(unsigned shard) noexcept { return Sharded<Counter>::writers(shard); }

}  // namespace

ResultCode ResultCode::of(const Attempted& attempt) noexcept {
  if (attempt.response) return ResultCode(attempt.response->status);
  return ResultCode(outcomes_from + static_cast<int>(attempt.error->outcome));
}

std::string ResultCode::error_type() const {
  if (*this == other()) return "_OTHER";
  if (code_ >= outcomes_from) return std::string(name(static_cast<Outcome>(code_ - outcomes_from)));
  return code_ < 400 ? std::string() : std::to_string(code_);
}

EndpointMeter::Series& EndpointMeter::series(ResultCode code) {
  for (std::size_t i = 0; i + 1 < series_.size(); ++i)
    if (Series& one = series_[i].get(code); one.code == code) return one;
  return series_.back().get(ResultCode::other());
}

std::vector<const EndpointMeter::Series*> EndpointMeter::series() const {
  std::vector<const Series*> all;
  for (const auto& slot : series_)
    if (const Series* one = slot.peek()) all.push_back(one);
  return all;
}

void EndpointMeter::attempt(unsigned shard, ResultCode code, Duration took) {
  series(code).took.of(shard).record(took, writers(shard));
}

void EndpointMeter::retry(unsigned shard, ResultCode why, Duration wait) {
  count(series(why).retries.of(shard));
  delays_.get().record(wait);
}

void EndpointMeter::stopped(std::string_view reason) noexcept {
  const auto found = std::ranges::find(stop_reasons, reason);
  const auto at = static_cast<std::size_t>(found - stop_reasons.begin());
  count(stopped_[std::min(at, stop_reasons.size() - 1)]);
}

void EndpointMeter::call(unsigned shard, bool ok, Duration took) {
  calls_[ok].get().of(shard).record(took, writers(shard));
}

void EndpointMeter::failed(const Error& error) noexcept {
  if (error.outcome == Outcome::circuit_open) count(rejected_);
  if (error.outcome == Outcome::deadline_exceeded)
    count(expired_[static_cast<std::size_t>(error.phase)]);
}

void EndpointMeter::bodies(unsigned shard, std::optional<std::uint64_t> sent,
                           std::uint64_t received) {
  const Writers who = writers(shard);
  if (sent) sent_.get().of(shard).record(static_cast<std::int64_t>(*sent), who);
  received_.get().of(shard).record(static_cast<std::int64_t>(received), who);
}

std::shared_ptr<EndpointMeter> ServiceMeter::endpoint(const std::string& name,
                                                      const std::string& method,
                                                      const std::string& path) {
  base::Lock lock(mutex_);
  for (const auto& known : endpoints_)
    if (known->endpoint == name && known->method == method && known->path == path) return known;
  return endpoints_.emplace_back(std::make_shared<EndpointMeter>(name, method, path));
}

std::vector<std::shared_ptr<const EndpointMeter>> ServiceMeter::endpoints() const {
  base::Lock lock(mutex_);
  return {endpoints_.begin(), endpoints_.end()};
}

void ServiceMeter::refused(std::string_view reason) noexcept {
  const auto found = std::ranges::find(limit_reasons, reason);
  const auto at = static_cast<std::size_t>(found - limit_reasons.begin());
  count(refused_[std::min(at, limit_reasons.size() - 1)]);
}

void ServiceMeter::ended(unsigned shard, const TimeLedger& time, Duration waited) {
  const Duration spent[] = {time.queue - waited, time.dns,  time.connect, time.tls,
                            time.write,          time.wait, time.read};
  const Writers who = writers(shard);
  for (std::size_t i = 0; i < parts_.size(); ++i)
    if (spent[i] > Duration::zero()) parts_[i].get().of(shard).record(spent[i], who);
  count(ended_.of(shard), 1, who);
}

std::uint64_t ServiceMeter::in_flight() const noexcept {
  // In this order: a call that ends meanwhile is counted as running, never as less than none.
  const std::uint64_t ended = sum(ended_), begun = sum(begun_);
  return begun > ended ? begun - ended : 0;
}

}  // namespace callerapi::policy
