#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.hpp"
#include "base/mutex.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "callerapi/time_ledger.hpp"

namespace callerapi::policy {

struct Attempted;

using base::count;
using base::Counter;
using base::Histogram;
using base::Lazy;
using base::Sharded;
using base::sum;

/// What an attempt came to, as a label: the status of a complete answer, or a word of the table of
/// outcomes.
class ResultCode {
 public:
  static ResultCode of(const Attempted& attempt) noexcept;
  static constexpr ResultCode other() noexcept { return ResultCode(0); }

  /// 0: there was no answer.
  int status() const noexcept { return code_ < outcomes_from ? code_ : 0; }
  /// OTel's error.type: an outcome, the digits of a status of 400 and more, "_OTHER"; empty: none.
  std::string error_type() const;
  bool operator==(const ResultCode&) const = default;

 private:
  static constexpr int outcomes_from = 1000;
  explicit constexpr ResultCode(int code) noexcept : code_(code) {}
  int code_;
};

/// Why a call that failed was not tried again, in the order of the checks.
inline constexpr std::array<std::string_view, 10> stop_reasons = {
    "cancelled", "idempotency", "body_not_replayable", "committed", "attempts",
    "allowance", "budget",      "retry_after",         "no_time",   "other"};
/// Why the limits of a service refused a call.
inline constexpr std::array<std::string_view, 6> limit_reasons = {
    "inflight", "rate", "queue_full", "queue_wait", "no_time", "other"};
inline constexpr std::size_t phases = 10;  ///< Values of Phase.

/// The measurements of one endpoint, or of all ad-hoc requests of a service. Recording is
/// thread-safe and takes no lock; `shard` is the group of the thread that records, 0 for the
/// loop's.
class EndpointMeter {
 public:
  /// Names as labels show them; `endpoint` and `path` are empty for ad-hoc requests.
  EndpointMeter(std::string named, std::string of_method, std::string of_path)
      : endpoint(std::move(named)), method(std::move(of_method)), path(std::move(of_path)) {}

  void attempt(unsigned shard, ResultCode code, Duration took);
  void retry(unsigned shard, ResultCode why, Duration wait);
  void stopped(std::string_view reason) noexcept;
  void call(unsigned shard, bool ok, Duration took);
  void expired_in_the_dark() noexcept { count(dark_); }
  /// What a call ended with: the breaker that refused it, or the deadline, is counted.
  void failed(const Error& error) noexcept;
  /// What the bodies of one attempt came to on the wire, before decoding; `sent`: none was to be.
  void bodies(unsigned shard, std::optional<std::uint64_t> sent, std::uint64_t received);

  struct Series {
    explicit Series(ResultCode c) : code(c) {}
    const ResultCode code;
    Sharded<Histogram> took;
    Sharded<Counter> retries;
  };
  /// For readers: those that were needed so far.
  std::vector<const Series*> series() const;
  /// Null: no call of that kind has ended.
  const Sharded<Histogram>* calls(bool ok) const noexcept { return calls_[ok].peek(); }
  const Histogram* delays() const noexcept { return delays_.peek(); }
  const Sharded<base::Sizes>* sent() const noexcept { return sent_.peek(); }
  const Sharded<base::Sizes>* received() const noexcept { return received_.peek(); }
  std::uint64_t stops(std::size_t reason) const noexcept { return stopped_[reason].load(); }
  std::uint64_t dark_expiries() const noexcept { return dark_.load(); }
  std::uint64_t rejections() const noexcept { return rejected_.load(); }
  std::uint64_t expiries(Phase where) const noexcept {
    return expired_[static_cast<std::size_t>(where)].load();
  }

  const std::string endpoint, method, path;

 private:
  Series& series(ResultCode code);

  // A peer may answer with any status: beyond these few, all count as one.
  std::array<Lazy<Series>, 12> series_;
  std::array<Lazy<Sharded<Histogram>>, 2> calls_;
  Lazy<Histogram> delays_;
  Lazy<Sharded<base::Sizes>> sent_, received_;
  std::array<Counter, stop_reasons.size()> stopped_{};
  std::array<Counter, phases> expired_{};
  Counter rejected_{0}, dark_{0};
};

/// The measurements of one service. Outlives reloads with the service.
class ServiceMeter {
 public:
  /// The parts of a call's time that are measured, as labels name them.
  static constexpr std::array<std::string_view, 7> parts = {"queue", "dns",  "connect", "tls",
                                                            "write", "ttfb", "read"};

  /// The meter of that name, method and path, made if there is none. Not for the path of a call.
  std::shared_ptr<EndpointMeter> endpoint(const std::string& name, const std::string& method,
                                          const std::string& path);
  std::vector<std::shared_ptr<const EndpointMeter>> endpoints() const;

  /// By whichever thread starts the call, of whatever group.
  void began(unsigned shard) noexcept { count(begun_.of(shard)); }
  /// `waited` of the queue's part was for its turn, and is measured by queued().
  void ended(unsigned shard, const TimeLedger& time, Duration waited);
  void queued(unsigned shard, Duration waited) { queued_.get().of(shard).record(waited); }
  /// By the limits of the service; by the reason of the error.
  void refused(std::string_view reason) noexcept;
  /// Calls begun and not ended.
  std::uint64_t in_flight() const noexcept;
  /// Null: no call has spent time there.
  const Sharded<Histogram>* part(std::size_t index) const noexcept { return parts_[index].peek(); }
  /// Null: no call has waited for its turn.
  const Sharded<Histogram>* turns() const noexcept { return queued_.peek(); }
  std::uint64_t refusals(std::size_t reason) const noexcept { return refused_[reason].load(); }

 private:
  Sharded<Counter> begun_, ended_;
  Lazy<Sharded<Histogram>> queued_;
  std::array<Counter, limit_reasons.size()> refused_{};
  std::array<Lazy<Sharded<Histogram>>, parts.size()> parts_;
  mutable base::Mutex mutex_;
  std::vector<std::shared_ptr<EndpointMeter>> endpoints_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::policy
