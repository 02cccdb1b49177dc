// What is kept of a call: its measurements, and the record of how it went.
#include <utility>

#include "policy/call_log.hpp"
#include "policy/call_run.hpp"
#include "policy/candidates.hpp"
#include "policy/tracing.hpp"

namespace callerapi::policy {
namespace {

TimeLedger difference(const TimeLedger& now, const TimeLedger& before) {
  return {.local = now.local - before.local,
          .queue = now.queue - before.queue,
          .dns = now.dns - before.dns,
          .connect = now.connect - before.connect,
          .tls = now.tls - before.tls,
          .write = now.write - before.write,
          .wait = now.wait - before.wait,
          .read = now.read - before.read,
          .retry = now.retry - before.retry};
}

/// Worth saying in the message: what else would have been retried.
bool is_telling(std::string_view stop_reason) {
  return !stop_reason.empty() && stop_reason != "class" && stop_reason != "attempts";
}

}  // namespace

void CallRun::measure_attempt(const Attempted& attempt, TimePoint now) {
  last_ = {attempt.error ? attempt.error->outcome : Outcome::ok,
           attempt.error ? attempt.error->status : attempt.response->status};
  if (EndpointMeter* meter = parts_.prepared.meter)
    meter->attempt(parts_.shard, ResultCode::of(attempt), now - attempt_began_);
}

void CallRun::measure_bodies(const wire::Exchange& exchange) {
  const Prepared& call = parts_.prepared;
  if (call.meter == nullptr) return;
  std::optional<std::uint64_t> sent;
  if (call.has_body) sent = exchange.body_written();
  call.meter->bodies(parts_.shard, sent, exchange.body_received());
}

/// After the decision: `next.again` is false for the last attempt of the call.
void CallRun::note_decision(const Attempted& attempt, const Decision& next) {
  stop_reason_ = next.again ? std::string_view() : next.stop_reason;
  EndpointMeter* meter = parts_.prepared.meter;
  if (!next.again) {
    if (meter && !stop_reason_.empty() && stop_reason_ != "class") meter->stopped(stop_reason_);
    return;
  }
  if (meter) meter->retry(parts_.shard, ResultCode::of(attempt), next.wait);
  note_attempt("retry", next.wait);
  kind_ = next.transparent ? "transparent" : "retry";
}

void CallRun::note_attempt(std::string_view decision, Duration wait) {
  const TimePoint at = loop().now();
  const TimeLedger& now = watch_.stop(at);
  const Callee& callee = *parts_.callee;
  const Budget::Balance budget = callee.state->budget.balance(at);
  const Settings& terms = *parts_.prepared.settings;
  const Breaker::View breaker = callee.state->breaker.view(terms.breaker, at);
  const bool picked = instance_ != nullptr && instance_index_ < callee.instances->all().size();
  notes_.push_back(
      {.number = attempts_,
       .kind = kind_,
       .instance = instance_ ? instance_->name : std::string(),
       .began = attempt_began_ - parts_.prepared.started,
       .ended = at - parts_.prepared.started,
       .time = difference(now, noted_),
       .outcome = last_.outcome,
       .status = last_.status,
       .decision = decision,
       .stop_reason = stop_reason_,
       .wait = wait,
       .budget_calls = budget.first,
       .budget_retries = budget.withdrawn,
       .budget_allowed = Budget::allowed(terms.budget, budget.first),
       .breaker = name(breaker.state),
       .breaker_failed = breaker.failed,
       .breaker_total = breaker.total,
       .candidates = picked ? candidates_of(*callee.instances, choice_, instance_index_, tried_)
                            : std::vector<CandidateRecord>(),
       .instances = callee.instances->all().size(),
       .balance =
           name(picked && callee.instances->all().size() > 1 ? choice_.by : terms.balance.policy),
       .panic = choice_.panic,
       .span_id = span_,
       .peer = std::exchange(peer_, {})});
  noted_ = now;
}

void CallRun::add_breaker(CallRecord& record) const {
  const Breaker::View breaker =
      parts_.callee->state->breaker.view(parts_.prepared.settings->breaker, loop().now());
  record.breaker = name(breaker.state);
  record.breaker_failed = breaker.failed;
  record.breaker_total = breaker.total;
}

/// Null: the call went as every call should. `error`: null for an answer.
std::shared_ptr<const CallRecord> CallRun::record(const Error* error, int status) {
  const Prepared& call = parts_.prepared;
  const bool kept = error != nullptr || !notes_.empty() || call.explain;
  if (!kept && !call.traced) return nullptr;
  if (static_cast<int>(notes_.size()) < attempts_) note_attempt("end", Duration::zero());
  auto record = std::make_shared<CallRecord>();
  record->call_id = view(call.id);
  record->service = call.service;
  record->endpoint = call.endpoint.empty() ? std::string_view(call.method) : call.endpoint;
  record->generation = parts_.callee->generation;
  record->deadline = call.deadline - call.started;
  record->deadline_from = call.deadline_from;
  record->admission = admission();
  record->attempts = std::move(notes_);
  record->outcome = error ? error->outcome : Outcome::ok;
  record->status = status;
  if (error) record->message = error->message;
  record->time = watch_.stop(loop().now());
  // What the call did after its last attempt is that attempt's too.
  if (!record->attempts.empty())
    record->attempts.back().time.local += record->time.total() - noted_.total();
  add_breaker(*record);
  if (call.context.trace)
    record->trace_id =
        std::string_view(call.context.trace->trace_id.data(), call.context.trace->trace_id.size());
  if (parts_.log && kept) parts_.log->keep(record);
  if (call.traced && parts_.counted) call.traced->observer->ended(*call.traced, *record);
  return record;
}

void CallRun::measure_call(bool ok, const TimeLedger& time) {
  const Prepared& call = parts_.prepared;
  parts_.callee->state->meter.ended(parts_.shard, time, turn_.waited);
  if (call.meter == nullptr) return;
  call.meter->call(parts_.shard, ok, time.total());
  if (call.dark_deadline != no_deadline && call.started + time.total() > call.dark_deadline)
    call.meter->expired_in_the_dark();
}

void CallRun::account(Error& error) {
  if (is_telling(stop_reason_)) error.message.append("; not retried: ").append(stop_reason_);
  if (EndpointMeter* meter = parts_.prepared.meter) meter->failed(error);
  measure_call(false, error.time);
  error.record = record(&error, error.status);
}

void CallRun::account(Response& response) {
  measure_call(true, response.time);
  response.record = record(nullptr, response.status);
}

/// A part of a call that is counted itself: its record goes with the result, to whoever made it.
void CallRun::account_part() {
  if (*result_) {
    (**result_).record = record(nullptr, (**result_).status);
    return;
  }
  Error& error = result_->error();
  if (is_telling(stop_reason_)) error.message.append("; not retried: ").append(stop_reason_);
  error.record = record(&error, error.status);
}

}  // namespace callerapi::policy
