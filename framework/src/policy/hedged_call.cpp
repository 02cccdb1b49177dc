#include "policy/hedged_call.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/outcomes.hpp"
#include "base/recycling.hpp"
#include "policy/call_log.hpp"
#include "policy/tracing.hpp"

namespace callerapi::policy {
namespace {

// A loser that ends so soon leaves its connection for the next call.
constexpr Duration grace = std::chrono::milliseconds(250);

const Error superseded{.outcome = Outcome::hedge_superseded,
                       .reason = "hedge_superseded",
                       .message = "the other request of the same call was answered first"};

/// Would a retry be a way out? Then the sibling may still be one.
bool could_be_retried(const Result<Response>& result) {
  using base::RetryRule;
  const RetryRule rule = result ? base::row_of_status(result->status).retry
                                : base::row_of(result.error().outcome).retry;
  return rule != RetryRule::never && rule != RetryRule::refresh;
}

/// Its time, its service or its Caller is over, for both requests.
bool ends_the_call(Outcome outcome) {
  return outcome == Outcome::deadline_exceeded || outcome == Outcome::cancelled ||
         outcome == Outcome::shutdown || outcome == Outcome::unloaded;
}

std::shared_ptr<const CallRecord> record_of(const Result<Response>& result) {
  return result ? result->record : result.error().record;
}

int attempts_of(const Result<Response>& result) {
  return result ? result->attempts : result.error().attempts;
}

/// What the other request came to is the call's as well; the message says it, too.
void raise(Error& error, Sent sent) {
  if (sent <= error.sent) return;
  const auto said = [](Sent s) { return ", sent=" + std::string(name(s)) + "): "; };
  const std::string before = said(error.sent);
  if (const auto at = error.message.find(before); at != std::string::npos)
    error.message.replace(at, before.size(), said(sent));
  error.sent = sent;
}

/// The same call once more, within the limits that it is in already.
CallPartsPtr sibling_of(const CallParts& call) {
  auto sibling = std::make_unique<CallParts>();
  sibling->loop = call.loop;
  sibling->callee = call.callee;
  sibling->counters = call.counters;
  sibling->shard = call.shard;
  sibling->transport = call.transport;
  sibling->counted = sibling->limited = false;
  sibling->prepared = call.prepared;
  return sibling;
}

}  // namespace

bool may_hedge(const CallParts& parts) noexcept {
  const Prepared& call = parts.prepared;
  return call.settings->hedge.max_hedges > 0 && call.may_repeat && !call.blocking() &&
         !call.stream && parts.callee->instances->all().size() > 1;
}

std::shared_ptr<LoopCall> make_loop_call(CallPartsPtr parts, AsyncCall::Done done,
                                         AsyncCall::Ended ended) {
  if (parts->observer) trace_call(*parts);
  if (may_hedge(*parts))
    return std::make_shared<HedgedCall>(std::move(parts), std::move(done), std::move(ended));
  return std::allocate_shared<AsyncCall>(base::Recycling<AsyncCall>(), std::move(parts),
                                         std::move(done), std::move(ended));
}

HedgedCall::HedgedCall(CallPartsPtr parts, AsyncCall::Done done, AsyncCall::Ended ended)
    : spare_(sibling_of(*parts)),
      state_(*parts->callee->state),
      counters_(*parts->counters),
      meter_(parts->prepared.meter),
      done_(std::move(done)),
      ended_(std::move(ended)),
      loop_(*parts->loop),
      timer_([this] { on_time(); }),
      log_(parts->log),
      traced_(parts->prepared.traced) {
  hooked_ = static_cast<bool>(parts->code);
  parts->log = nullptr;  // the record of both is kept here
  parts->counted = false;
  first_.call = std::make_shared<AsyncCall>(
      std::move(parts),
      [this](Result<Response>&& result) { on_result(first_, second_, std::move(result)); },
      [](LoopCall&) {});
  state_.meter.began(0);
  count(counters_.calls);
}

HedgedCall::~HedgedCall() { loop_.disarm(timer_); }

void HedgedCall::begin() {
  const auto self = shared_from_this();
  const Prepared& call = spare_->prepared;
  state_.hedging.deposit(loop_.now());
  if (const auto wait = state_.hedging.delay(call.settings->hedge, call.attempt, loop_.now()))
    loop_.arm(timer_, loop_.now() + *wait);
  const auto first = first_.call;
  first->begin();
}

void HedgedCall::on_time() {
  const auto self = shared_from_this();
  told_ ? drop_losers() : hedge();
}

/// Is there an instance to ask other than that of the first request? One that is ejected or was
/// asked to be left alone is none.
bool HedgedCall::elsewhere(TimePoint now) const {
  const bool ejects = spare_->prepared.settings->ejection.mode == EjectionMode::on;
  return std::ranges::any_of(spare_->callee->instances->all(), [&](const auto& one) {
    return one.get() != first_.call->instance() &&
           (!ejects || one->health->ejected_until() <= now) && one->health->cooling_until() <= now;
  });
}

/// What does not let the call be asked a second time; empty: nothing, and it has been taken.
std::string_view HedgedCall::refusal() {
  const Settings& settings = *spare_->prepared.settings;
  const TimePoint now = loop_.now();
  Allowance* allowance = spare_->prepared.context.allowance.get();
  // Each takes what it grants: the ones that only look come first.
  if (!elsewhere(now)) return "no_instance";
  if (allowance && allowance->left() == 0) return "allowance";
  if (!state_.budget.allows(settings.budget, now)) return "retry_budget";
  if (!state_.hedging.withdraw(settings.hedge, now)) return "hedge_budget";
  if (!state_.budget.withdraw(settings.budget, now)) return "retry_budget";
  if (allowance && !allowance->take()) return "allowance";
  return {};
}

void HedgedCall::hedge() {
  const Prepared& call = spare_->prepared;
  if (first_.call->attempts() == 0) {
    // It waits for its turn, or a credential: nobody has been asked yet.
    const TimePoint now = loop_.now();
    if (const auto wait = state_.hedging.delay(call.settings->hedge, call.attempt, now))
      loop_.arm(timer_, now + *wait);
    return;
  }
  // First, for what refusal() takes is not given back.
  if (hooked_ && !(spare_->code = Lease(spare_->callee->code.get()))) return;
  hedge_ = refusal();
  if (!hedge_.empty()) {
    spare_->code.release();
    return base::count(state_.hedging.denied);
  }
  hedge_ = "sent";
  base::count(state_.hedging.sent);
  first_.call->keep_record();
  spare_->prepared.explain = true;
  spare_->prepared.attempts_max = 1;
  spare_->avoid = first_.call->instance();
  count(counters_.hedges);
  second_.call = std::make_shared<AsyncCall>(
      std::move(spare_),
      [this](Result<Response>&& result) { on_result(second_, first_, std::move(result)); },
      [](LoopCall&) {});
  const auto second = second_.call;
  second->begin();
}

void HedgedCall::on_result(Side& side, const Side& other, Result<Response> result) {
  const auto self = shared_from_this();
  side.record = record_of(result);
  side.result.emplace(std::move(result));
  if (told_) return finish();
  const bool decides = !says_nothing(side) && !could_be_retried(*side.result);
  if (decides) return tell(side, other);
  if (other.running()) return;
  // Both have failed: what the first came to, with all its attempts, says more, if it left at all.
  const bool hedge_says_more = second_.result && says_nothing(first_) && !says_nothing(second_);
  hedge_says_more ? tell(second_, first_) : tell(first_, second_);
}

/// Was a request not let out, by the breaker, for want of a connection or a credential, or dropped?
/// Then its sibling decides, unless it is the whole call that is over.
bool HedgedCall::says_nothing(const Side& side) const {
  if (*side.result) return false;
  const Error& error = side.result->error();
  if (error.outcome == Outcome::hedge_superseded) return true;
  if (&side == &second_ && error.attempts == 0) return true;
  return error.sent == Sent::no && !ends_the_call(error.outcome);
}

Sent HedgedCall::Side::sent() const noexcept {
  if (!result) return call ? call->sent() : Sent::no;
  return *result ? Sent::yes : result->error().sent;
}

void HedgedCall::tell(Side& winner, const Side& other) {
  told_ = true;
  winner_ = &winner;
  Result<Response> result = std::move(*winner.result);
  const int more = other.result ? attempts_of(*other.result)
                   : other.call ? other.call->attempts()
                                : 0;
  (result ? result->attempts : result.error().attempts) += more;
  if (!result) raise(result.error(), other.sent());
  (result ? result->record : result.error().record) = record();
  counters_.end(0);
  if (!result) count(counters_.failed);
  if (&winner == &second_) base::count(state_.hedging.won);
  const TimeLedger& time = result ? result->time : result.error().time;
  if (meter_) meter_->call(0, result.has_value(), time.total());
  if (meter_ && !result) meter_->failed(result.error());
  const Prepared& call = first_.call->prepared();
  if (meter_ && call.dark_deadline != no_deadline &&
      call.started + time.total() > call.dark_deadline)
    meter_->expired_in_the_dark();
  first_.call->leave_limits();  // the one place that both had
  state_.meter.ended(0, time, winner.call->waited_turn());
  loop_.disarm(timer_);
  if (first_.running() || second_.running()) loop_.arm(timer_, loop_.now() + grace);
  finish();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

void HedgedCall::drop_losers() {
  for (Side* side : {&first_, &second_})
    if (side->running()) side->call->end(superseded);
}

void HedgedCall::end(Error why) {
  const auto self = shared_from_this();
  loop_.disarm(timer_);
  if (told_) return drop_losers();
  if (first_.running() && second_.running()) second_.call->end(superseded);
  (first_.running() ? first_ : second_).call->end(std::move(why));
}

bool HedgedCall::uses(const pool::Origin& origin) const noexcept {
  return (first_.running() && first_.call->uses(origin)) ||
         (second_.running() && second_.call->uses(origin));
}

/// What is known of a request that has no record, for it has not ended or was not let out.
AttemptRecord HedgedCall::unfinished(const Side& side) const {
  AttemptRecord one;
  one.kind = &side == &second_ ? "hedge" : "first";
  if (const auto& at = side.call->instance()) one.instance = at->name;
  if (side.record) one.outcome = side.record->outcome;
  return one;
}

/// The record of the one that counts, with what the other has come to by now. Null: there is none.
std::shared_ptr<const CallRecord> HedgedCall::record() const {
  if (!winner_->record || hedge_.empty()) return winner_->record;
  auto whole = std::make_shared<CallRecord>(*winner_->record);
  whole->hedge = hedge_;
  if (!second_.call) return whole;
  whole->attempts.clear();
  for (const Side* side : {&first_, &second_}) {
    const std::size_t before = whole->attempts.size();
    if (side->record)
      whole->attempts.insert(whole->attempts.end(), side->record->attempts.begin(),
                             side->record->attempts.end());
    if (whole->attempts.size() == before) whole->attempts.push_back(unfinished(*side));
    if (side != winner_) whole->attempts.back().decision = side->running() ? "running" : "dropped";
  }
  int number = 0;
  for (AttemptRecord& one : whole->attempts) one.number = ++number;
  return whole;
}

/// Nothing is left once both sides have ended.
void HedgedCall::finish() {
  if (first_.running() || second_.running()) return;
  loop_.disarm(timer_);  // whoever lets go of this last may be another thread
  if (const auto whole = ended_ ? record() : nullptr) {
    if (log_ &&
        (!traced_ || traced_->asked || whole->outcome != Outcome::ok || whole->attempts.size() > 1))
      log_->keep(whole);
    if (traced_) traced_->observer->ended(*traced_, *whole);
  }
  if (auto ended = std::exchange(ended_, nullptr)) ended(*this);
}

}  // namespace callerapi::policy
