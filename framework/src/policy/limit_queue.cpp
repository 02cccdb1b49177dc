#include "policy/limit_queue.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "policy/limit_refusal.hpp"

namespace callerapi::policy {

/// What to run once no lock is held; empty: nobody listens, await() will see it.
LimitTicket::Wake LimitTicket::notify() {
  stirred_ = true;
  return std::exchange(wake_, nullptr);
}

Duration Limits::take(const LimitSettings& settings, TimePoint now) noexcept {
  if (settings.rate <= 0) return Duration::zero();
  return rate_.take(settings.rate, settings.burst_of(), now);
}

Result<std::shared_ptr<LimitTicket>> Limits::enter(const LimitSettings& settings, TimePoint until,
                                                   TimePoint now) {
  Duration wait = Duration::zero();
  if (inflight_.enter(live(settings).places(settings.priority))) {
    wait = take(settings, now);
    if (wait == Duration::zero()) return std::shared_ptr<LimitTicket>();
    if (inflight_.leave()) serve(now);
  }
  if (settings.queue > 0 || waiting() > 0) return queue(settings, until, now);
  return wait > Duration::zero() ? limit_refusal::limited(settings, wait)
                                 : limit_refusal::full(live(settings));
}

/// Behind all who go before it; and out again when it finds no room, or no hope.
Result<std::shared_ptr<LimitTicket>> Limits::queue(const LimitSettings& settings, TimePoint until,
                                                   TimePoint now) {
  serve(now);
  base::Lock lock(mutex_);
  if (closed_) return *closed_;
  newest_ = settings;
  const auto ticket = add(settings.priority, until, now);
  // Nobody listens yet: what the steps say is seen here.
  LimitTicket::Wake nobody;
  if (waiting_.front() == ticket && step(now, nobody) && ticket->state_ == LimitTicket::State::in)
    return std::shared_ptr<LimitTicket>();
  std::optional<Error> refused;
  if (std::cmp_greater(waiting_.size(), settings.queue))
    refused = settings.queue > 0
                  ? limit_refusal::queue_full(live(settings), seats(settings.priority))
                  : limit_refusal::full(live(settings));
  if (!refused) refused = hopeless(*ticket, now);
  if (!refused) return ticket;
  remove(*ticket);
  return std::move(*refused);
}

std::shared_ptr<LimitTicket> Limits::add(Priority priority, TimePoint until, TimePoint now) {
  auto ticket = std::make_shared<LimitTicket>();
  ticket->priority_ = priority;
  ticket->since_ = now;
  ticket->until_ = until;
  auto behind = waiting_.end();
  while (behind != waiting_.begin() && (*std::prev(behind))->priority_ > priority) --behind;
  // Who is overtaken has no time any more: those who go before it use up the rate.
  if (behind == waiting_.begin() && behind != waiting_.end()) (*behind)->look_at_ = no_deadline;
  ticket->place_ = waiting_.insert(behind, ticket);
  inflight_.wait();
  return ticket;
}

void Limits::remove(LimitTicket& ticket) {
  waiting_.erase(ticket.place_);
  ticket.state_ = LimitTicket::State::gone;
  inflight_.give_up();
}

/// While somebody waits nobody else enters, so that a seat that is free here stays free.
bool Limits::seats(Priority priority) const noexcept {
  const std::int64_t places = live(newest_).places(priority);
  return places <= 0 || inflight_.count() < places;
}

/// Who was told to look at a time and looks a little later is counted as if in time: else each
/// lateness would take from the rate. What was late for longer, all who wait, does not rush.
TimePoint Limits::asked_at(const LimitTicket& first, TimePoint now) const noexcept {
  if (newest_.rate <= 0 || first.look_at_ > now) return now;
  return std::max(first.look_at_, now - Duration(std::chrono::seconds(1)) / newest_.rate);
}

/// Lets the first in, or tells it when to look; false: there is nothing to do, now.
bool Limits::step(TimePoint now, LimitTicket::Wake& wake) {
  if (waiting_.empty()) return false;
  const std::shared_ptr<LimitTicket> first = waiting_.front();
  if (!seats(first->priority_)) {
    first->look_at_ = no_deadline;
    return false;
  }
  const TimePoint at = asked_at(*first, now);
  if (const Duration wait = take(newest_, at); wait > Duration::zero()) {
    const TimePoint due = at + wait;
    if (std::exchange(first->look_at_, due) == due) return false;
    wake = first->notify();
    return true;
  }
  waiting_.pop_front();
  inflight_.seat();
  first->state_ = LimitTicket::State::in;
  wake = first->notify();
  return true;
}

/// Will the time of this one be over before all who are before it, and it, can have begun?
std::optional<Error> Limits::hopeless(LimitTicket& last, TimePoint now) {
  if (newest_.rate <= 0) return std::nullopt;
  const auto ahead = std::distance(waiting_.begin(), last.place_);
  const Duration needs = rate_.wait(newest_.rate, newest_.burst_of(), ahead, now);
  const Duration has = last.until_ - now;
  if (needs <= has) return std::nullopt;
  return limit_refusal::no_time(newest_, ahead, needs, has);
}

void Limits::serve(TimePoint now) {
  for (bool more = true; more;) {
    LimitTicket::Wake wake;
    {
      base::Lock lock(mutex_);
      more = step(now, wake);
    }
    if (wake) wake();
  }
}

Result<std::optional<TimePoint>> Limits::look(const std::shared_ptr<LimitTicket>& ticket,
                                              TimePoint now) {
  {
    base::Lock lock(mutex_);
    ticket->wake_ = nullptr;
  }
  serve(now);
  std::optional<Error> over;
  {
    base::Lock lock(mutex_);
    ticket->stirred_ = false;
    if (ticket->state_ == LimitTicket::State::in) return std::optional<TimePoint>();
    if (closed_) return *closed_;
    if (now < ticket->until_) return std::optional(std::min(ticket->until_, ticket->look_at_));
    LimitSettings settings = live(newest_);
    settings.priority = ticket->priority_;
    over = limit_refusal::waited(settings, seats(ticket->priority_), now - ticket->since_);
    remove(*ticket);
  }
  serve(now);
  return std::move(*over);
}

void Limits::await(LimitTicket& ticket, LimitTicket::Wake wake) {
  {
    base::Lock lock(mutex_);
    if (!ticket.stirred_ && ticket.state_ == LimitTicket::State::waiting) {
      ticket.wake_ = std::move(wake);
      return;
    }
  }
  wake();
}

void Limits::withdraw(LimitTicket& ticket, TimePoint now) {
  {
    base::Lock lock(mutex_);
    if (ticket.state_ == LimitTicket::State::waiting) remove(ticket);
    if (ticket.state_ == LimitTicket::State::in) leave();
    ticket.state_ = LimitTicket::State::gone;
    ticket.wake_ = nullptr;
  }
  serve(now);
}

void Limits::close(Error why) {
  std::vector<LimitTicket::Wake> wakes;
  {
    base::Lock lock(mutex_);
    closed_ = std::move(why);
    while (!waiting_.empty()) {
      const std::shared_ptr<LimitTicket> first = waiting_.front();
      wakes.push_back(first->notify());
      remove(*first);
    }
  }
  for (const auto& wake : wakes)
    if (wake) wake();
}

}  // namespace callerapi::policy
