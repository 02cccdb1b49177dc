// The times of a call: how long it waits for what, and what is said when one has passed.
#include "policy/call_times.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include "base/spare_text.hpp"
#include "policy/call_run.hpp"
#include "wire/socket.hpp"

namespace callerapi::policy {
namespace {

// Shorter, and a pause of a busy service would look like a slow one.
constexpr Duration pace_window = std::chrono::seconds(10);

/// Hands on to a sink; while that is at work the peer is not slow.
class PacedSink final : public BodySink {
 public:
  PacedSink(BodySink& to, wire::Loop& clock, TimePoint& since)
      : to_(to), clock_(clock), since_(since) {}
  bool write(std::span<const char> bytes) override {
    const TimePoint begun = clock_.now();
    const bool more = to_.write(bytes);
    if (since_ != TimePoint{}) since_ += clock_.now() - begun;
    return more;
  }

 private:
  BodySink& to_;
  wire::Loop& clock_;
  TimePoint& since_;
};

}  // namespace

TimePoint CallRun::acquire_deadline() const noexcept {
  const Duration acquire = parts_.prepared.settings->timeouts.acquire;
  // The wait may include opening a connection, which has its own times.
  const Duration open = origin().open_time();
  return std::min(attempt_ends_, acquire > Duration::zero()
                                     ? plus(plus(attempt_began_, acquire), open)
                                     : no_deadline);
}

/// What the registry grants an attempt; prepared().attempt is also bounded by the total of the
/// call.
Duration CallRun::granted() const noexcept {
  const Prepared& call = parts_.prepared;
  return call.settings->attempt_of(call.settings->timeouts.total,
                                   call.may_repeat && call.attempts_max > 1);
}

void CallRun::note_rest(bool rests) noexcept {
  if (resting_ && !rests) progress_at_ = pace_.since = loop().now();
  resting_ = rests;
}

void CallRun::note_progress(const wire::Exchange& exchange) noexcept {
  progress_at_ = loop().now();
  if (kept_) forget_body(exchange);
  if (exchange.answered() && pace_.since == TimePoint{})
    pace_ = {progress_at_, exchange.bytes_read()};
  if (exchange.answered()) return watch_.enter(&TimeLedger::read, ready_at_);
  if (exchange.wants_write()) return;
  watch_.enter(&TimeLedger::wait, progress_at_);
  // A service may think for long, and thousands may wait for it; a retry writes its own head.
  base::SpareText::give(std::exchange(head_, {}));
}

/// What takes the body of this attempt; null: nobody does.
BodySink* CallRun::sink() {
  const Prepared& call = parts_.prepared;
  if (!call.sink || call.settings->response_min_rate == 0) return call.sink.get();
  paced_sink_ = std::make_unique<PacedSink>(*call.sink, loop(), pace_.since);
  return paced_sink_.get();
}

/// Is the peer's rate looked at now?
bool CallRun::paced(const wire::Exchange& exchange) const noexcept {
  return parts_.prepared.settings->response_min_rate > 0 && pace_.since != TimePoint{} &&
         !exchange.wants_write() && !resting_;
}

/// Has the answer come too slowly for a whole window? If not, the next window begins.
bool CallRun::too_slow(const wire::Exchange& exchange, TimePoint now) noexcept {
  if (!paced(exchange) || now < plus(pace_.since, pace_window)) return false;
  const std::uint64_t came = exchange.bytes_read() - pace_.bytes;
  const auto seconds = static_cast<std::uint64_t>(pace_window / std::chrono::seconds(1));
  if (came < parts_.prepared.settings->response_min_rate * seconds) return true;
  pace_ = {now, exchange.bytes_read()};
  return false;
}

TimePoint CallRun::next_look(const wire::Exchange& exchange) const noexcept {
  const TimePoint pace = paced(exchange) ? plus(pace_.since, pace_window) : no_deadline;
  return std::min(pace, time_ends(exchange));
}

TimePoint CallRun::time_ends(const wire::Exchange& exchange) const noexcept {
  const Timeouts& times = parts_.prepared.settings->timeouts;
  if (streaming_) {
    const bool idles = !resting_ && times.stream_idle > Duration::zero();
    return std::min(parts_.prepared.stream_deadline,
                    idles ? plus(progress_at_, times.stream_idle) : no_deadline);
  }
  Duration stall = exchange.wants_write() ? times.write_stall
                   : exchange.answered()  ? times.read_idle
                                          : times.first_byte.value_or(Duration::zero());
  if (stall <= Duration::zero()) return attempt_ends_;
  return std::min(attempt_ends_, plus(progress_at_, stall));
}

void CallRun::expire(wire::Exchange& exchange) {
  const TimePoint now = ready_at_ = loop().now();
  if (now < next_look(exchange)) return;
  if (now < time_ends(exchange)) {
    if (!too_slow(exchange, now)) return;
    const std::size_t least = parts_.prepared.settings->response_min_rate;
    return exchange.abort(Outcome::attempt_timeout, "min_rate",
                          "for " + std::to_string(ms(pace_window)) + " ms the answer came at " +
                              std::to_string((exchange.bytes_read() - pace_.bytes) * 1000 /
                                             static_cast<std::uint64_t>(ms(pace_window))) +
                              " bytes a second, less than response.min_rate = " +
                              std::to_string(least) + "; lower it if the service may be that slow");
  }
  if (streaming_) return expire_stream(exchange, now);
  const Prepared& call = parts_.prepared;
  if (now >= call.deadline)
    return exchange.abort(Outcome::deadline_exceeded, "total",
                          "the deadline of " + std::to_string(ms(call.deadline - call.started)) +
                              " ms passed; raise " + std::string(call.deadline_from) +
                              " if the service needs longer");
  if (now >= attempt_ends_)
    return exchange.abort(Outcome::attempt_timeout, "attempt",
                          "no complete answer within " + std::to_string(ms(call.attempt)) +
                              " ms; raise timeouts.attempt if the service needs longer");
  const char* key = exchange.wants_write() ? "write_stall"
                    : exchange.answered()  ? "read_idle"
                                           : "first_byte";
  exchange.abort(Outcome::attempt_timeout, key,
                 std::string("no byte moved for longer than timeouts.") + key);
}

void CallRun::expire_stream(wire::Exchange& exchange, TimePoint now) {
  const Prepared& call = parts_.prepared;
  if (now >= call.stream_deadline)
    return exchange.abort(
        Outcome::deadline_exceeded, "deadline",
        "the caller's deadline passed before the end of the streamed body was read");
  exchange.abort(Outcome::attempt_timeout, "stream_idle",
                 "no byte of the streamed body arrived for longer than timeouts.stream_idle = " +
                     std::to_string(ms(call.settings->timeouts.stream_idle)) + " ms");
}

/// A connection that was being opened all the while is none that others have: told as if its own
/// time were over, which it may not be where the attempt has no more of it.
std::optional<Error> CallRun::not_opened(std::optional<Phase> opening) const {
  if (opening != Phase::dns && opening != Phase::connect && opening != Phase::tls)
    return std::nullopt;
  struct {
    Outcome outcome;
    std::string_view what, key;
  } of = {Outcome::connect_timeout, "no connection", "timeouts.connect"};
  if (opening == Phase::dns) of = {Outcome::dns_error, "no address", "timeouts.dns"};
  if (opening == Phase::tls) of = {Outcome::tls_error, "no TLS handshake", "timeouts.tls"};
  const pool::Settings& pool = origin().settings();
  return Error{.outcome = of.outcome,
               .reason = "timeout",
               .message = wire::to_text({pool.host, pool.port}) + ": " + std::string(of.what) +
                          " within " + std::to_string(ms(loop().now() - attempt_began_)) +
                          " ms, all that this attempt had; raise timeouts.attempt if it takes "
                          "longer, or lower " +
                          std::string(of.key),
               .phase = *opening};
}

Error CallRun::acquire_expired(std::optional<Phase> opening) const {
  const Prepared& call = parts_.prepared;
  if (loop().now() >= call.deadline)
    return {.outcome = Outcome::deadline_exceeded,
            .reason = "total",
            .message = "the deadline of " + std::to_string(ms(call.deadline - call.started)) +
                       " ms passed while waiting for a connection",
            .phase = Phase::queue};
  if (auto error = not_opened(opening)) return std::move(*error);
  const pool::Settings& pool = origin().settings();
  const std::string limit =
      origin().short_of_quota()
          ? std::to_string(pool.service_max()) +
                " at most to all instances (pool.service_connections_max)"
          : std::to_string(pool.connections_max) + " at most (pool.connections_max)";
  return {.outcome = Outcome::pool_timeout,
          .reason = "acquire",
          .message = "no connection to " + wire::to_text({pool.host, pool.port}) +
                     " became free in time; " + limit,
          .phase = Phase::queue};
}

}  // namespace callerapi::policy
