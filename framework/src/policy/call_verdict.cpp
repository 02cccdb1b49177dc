// The end of an attempt: what it came to, whom that is told, and what comes next.
#include <algorithm>
#include <utility>

#include "policy/call_run.hpp"
#include "policy/call_times.hpp"

namespace callerapi::policy {

/// Tells the policies of the service what the attempt under way came to; once for each.
void CallRun::settle(const Attempted& attempt, TimePoint now) {
  if (!std::exchange(open_, false)) return;
  tell_breaker(attempt, now);
  sent_ = std::max(sent_, attempt.response ? Sent::yes : attempt.error->sent);
  if (instance_) rate_instance(attempt, now);
  measure_attempt(attempt, now);
}

/// Made for each verdict: thousands of calls may be in flight, and few are judged at a time.
RetryTerms CallRun::retry_terms() const {
  const Prepared& call = parts_.prepared;
  return {.settings = call.settings->retry,
          .attempts_max = call.attempts_max,
          .may_repeat = call.may_repeat,
          .deadline = call.deadline,
          .allowance = call.context.allowance.get(),
          .budget = &parts_.callee->state->budget,
          .budget_terms = call.settings->budget,
          .retry_after_field = call.settings->names->retry_after};
}

bool CallRun::judge(Attempted attempt) {
  Prepared& call = parts_.prepared;
  const TimePoint now = judged_at_ = loop().now();
  settle(attempt, now);
  // Of an answer that was given out the body may be forgotten, and is not what stands in the way.
  if (!attempt.committed) attempt.source = call.source.get();
  attempt.elsewhere = tried_.leaves_any_of(parts_.callee->instances->all().size());
  watch_.enter(&TimeLedger::local, now);
  // Chance and the calendar are asked about failures alone.
  const bool well = attempt.response && attempt.response->status < 400;
  const Decision next = retry_.after(retry_terms(), attempt, now, well ? 0 : loop().random(),
                                     well ? 0 : loop().wall_ms());
  if (next.stop_reason == "budget") count(parts_.counters->retries_denied);
  note_decision(attempt, next);
  if (!next.again) return false;
  fresh_ = attempt.error ? attempt.error->outcome == Outcome::stale_connection
                         : attempt.response->status == 421;
  retry_at_ = now + next.wait;
  watch_.enter(&TimeLedger::retry, now);
  return true;
}

bool CallRun::finished(wire::Exchange& exchange) {
  if (exchange.answered()) watch_.enter(&TimeLedger::read, ready_at_);
  const bool complete = exchange.advance() == wire::Exchange::State::done;
  if (!complete) return failed(exchange.take_error());
  measure_bodies(exchange);
  return completed(exchange.take_response());
}

/// The service says it stopped for want of time (semantics S3).
bool CallRun::expired_there(const Response& response) const {
  return response.status >= 400 && response.status < 600 &&
         response.headers.get(parts_.prepared.settings->names->deadline_expired) == "1";
}

Error CallRun::expiry_of(const Response& response) const {
  const Prepared& call = parts_.prepared;
  const bool cut = plus(attempt_began_, call.attempt) > call.deadline;
  return {.outcome = cut ? Outcome::deadline_exceeded : Outcome::attempt_timeout,
          .reason = "peer",
          .message = "the service answered HTTP " + std::to_string(response.status) +
                     " because the " + std::to_string(ms(attempt_ends_ - attempt_began_)) +
                     " ms it was given were over; raise " +
                     std::string(cut ? call.deadline_from : "timeouts.attempt") +
                     " if it needs longer",
          .phase = Phase::head,
          .sent = Sent::yes,
          .status = response.status};
}

bool CallRun::completed(Response&& response) {
  if (expired_there(response)) return failed(expiry_of(response));
  const bool committed = parts_.prepared.sink != nullptr && response.status < 400;
  const bool renewed = renew(response.status);
  if (judge({.response = &response, .committed = committed, .renewed = renewed})) return true;
  if (look_at(response)) result_.emplace(std::move(response));
  return false;
}

/// The plugin's last look at a response, and what this side adds to it. False: a hook refused and
/// the result is set.
bool CallRun::look_at(Response& response) {
  TimePoint now = judged_at_;
  if (parts_.code) {
    const HookResponse seen{response.status, response.headers, response.body};
    if (auto hooked = parts_.code->on_response(seen); !hooked) {
      set_result(placed(std::move(hooked).error()));
      return false;
    }
    if (response.status >= 400)
      response.plugin_error = parts_.code->map_error(seen).value_or(std::string());
    now = loop().now();
  }
  response.attempts = attempts_;
  response.generation = parts_.callee->generation;
  response.elapsed = now - parts_.prepared.started;
  response.time = watch_.stop(now);
  return true;
}

/// The wait for a connection ended without one: it counts where the opening failed.
void CallRun::charge_failed_opening(Phase phase) noexcept {
  if (watch_.running() != &TimeLedger::queue) return;
  const Stopwatch::Part part = phase == Phase::dns       ? &TimeLedger::dns
                               : phase == Phase::connect ? &TimeLedger::connect
                               : phase == Phase::tls     ? &TimeLedger::tls
                                                         : &TimeLedger::queue;
  watch_.rename(part);
}

/// A connection that was shut down for a reason reports a broken one; how far the request had come
/// is its own to say.
Error CallRun::why_ended(Error error) const {
  auto why = origin().closed();
  if (!why) return error;
  why->phase = error.phase;
  why->sent = error.sent;
  return std::move(*why);
}

bool CallRun::failed(Error error) {
  charge_failed_opening(error.phase);
  error = why_ended(std::move(error));
  const bool committed = parts_.prepared.sink != nullptr && error.phase == Phase::body;
  if (judge({.error = &error, .committed = committed})) return true;
  set_result(placed(std::move(error)));
  return false;
}

}  // namespace callerapi::policy
