// A call and the limits of its service: how it takes its place, and waits for its turn.
#include <algorithm>
#include <utility>

#include "policy/call_run.hpp"
#include "policy/call_times.hpp"

namespace callerapi::policy {

/// The call takes its place in the service and in the rate with its first attempt, for all of them.
CallRun::Begun CallRun::enter_limits() {
  if (entered_ || !parts_.limited) return Begun::go;
  Limits& limits = parts_.callee->state->limits;
  if (!turn_.ticket) {
    turn_.found_in_flight = static_cast<std::int32_t>(limits.in_flight());
    turn_.found_waiting = static_cast<std::int32_t>(limits.waiting());
    const Settings& settings = *parts_.prepared.settings;
    turn_.found_places =
        static_cast<std::int32_t>(limits.live(settings.limits).places(settings.limits.priority));
    const Duration acquire = settings.timeouts.acquire;
    const TimePoint until =
        acquire > Duration::zero() ? plus(attempt_began_, acquire) : no_deadline;
    auto answer =
        limits.enter(settings.limits, std::min(until, parts_.prepared.deadline), attempt_began_);
    if (!answer) return refused(std::move(answer).error());
    entered_ = *answer == nullptr;
    if (entered_) return Begun::go;
    turn_.ticket = std::move(*answer);
    turn_.since = attempt_began_;
  }
  const auto answer = limits.look(turn_.ticket, attempt_began_);
  if (answer && *answer) {
    turn_.look_at = **answer;
    return Begun::wait;
  }
  end_wait(attempt_began_);
  turn_.ticket = nullptr;
  if (!answer) return refused(answer.error());
  entered_ = true;
  return Begun::go;
}

CallRun::Begun CallRun::refused(Error error) {
  turn_.refused = true;
  parts_.callee->state->meter.refused(error.reason);
  set_result(placed(std::move(error)));
  return Begun::done;
}

void CallRun::end_wait(TimePoint now) {
  turn_.waited = now - turn_.since;
  parts_.callee->state->meter.queued(parts_.shard, turn_.waited);
}

void CallRun::stop_waiting() noexcept {
  const auto ticket = std::exchange(turn_.ticket, nullptr);
  if (!ticket) return;
  end_wait(loop().now());
  parts_.callee->state->limits.withdraw(*ticket, loop().now());
}

void CallRun::leave_limits() noexcept {
  stop_waiting();
  Limits& limits = parts_.callee->state->limits;
  if (std::exchange(entered_, false) && limits.leave()) limits.serve(loop().now());
}

/// What an attempt took says how much of the service its calls may take. A refusal or a broken
/// connection says nothing of that.
void CallRun::teach_limits(const Rating& rating, Duration took, TimePoint now) noexcept {
  using enum base::BalanceSample;
  const bool sound = rating.balance == latency;
  if (!sound && rating.balance != penalty && rating.balance != elapsed) return;
  parts_.callee->state->limits.note(parts_.prepared.settings->limits, took, sound, now);
}

AdmissionRecord CallRun::admission() const {
  const LimitSettings& limits = parts_.prepared.settings->limits;
  if (!parts_.limited || turn_.found_in_flight < 0) return {};
  return {.decision = turn_.refused                     ? "refused"
                      : turn_.waited > Duration::zero() ? "waited"
                                                        : "entered",
          .in_flight = turn_.found_in_flight,
          .in_flight_max = turn_.found_places,
          .adaptive = limits.adaptive != Adaptive::off && limits.inflight > 0,
          .waiting = turn_.found_waiting,
          .waiting_max = limits.queue,
          .rate = limits.rate,
          .waited = turn_.waited};
}

}  // namespace callerapi::policy
