#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "base/mutex.hpp"
#include "callerapi/result.hpp"
#include "policy/adaptive_limit.hpp"
#include "policy/limits.hpp"

namespace callerapi::policy {

/// One call's place in the queue of its service. Shared by the call and the queue, whose lock
/// guards all of it.
class LimitTicket {
 public:
  using Wake = std::function<void()>;

 private:
  friend class Limits;
  enum class State : std::uint8_t { waiting, in, gone };

  Wake notify();

  State state_ = State::waiting;
  Priority priority_ = Priority::critical;
  bool stirred_ = false;  ///< Something changed while nobody listened.
  TimePoint since_{}, until_{};
  TimePoint look_at_ = no_deadline;  ///< When the rate lets the first go; nobody else has one.
  Wake wake_;
  std::list<std::shared_ptr<LimitTicket>>::iterator place_;
};

/// Both limits of one service, and the queue before them; a call is admitted once, whatever it
/// takes of attempts. The settings come with each use, so that a reload changes them and not what
/// is under way; who waits follows the newest. Without a queue, or while nobody waits, entering and
/// leaving take no lock.
///
/// The queue has no thread and no timer of its own: who waits looks when it is woken and at the
/// time that it was told. In it, calls of a higher priority stand before those of a lower, else in
/// the order of arrival. Thread-safe.
class Limits {
 public:
  /// Null: the call is in, and leaves by leave(). A ticket: it waits, at most until `until`, and
  /// goes on with look(). Error: `bulkhead_full` or `rate_limited_local`, by what was in its way,
  /// whose reason says why it does not wait, and whose message names the keys and their numbers;
  /// nothing is held then.
  Result<std::shared_ptr<LimitTicket>> enter(const LimitSettings& settings, TimePoint until,
                                             TimePoint now);
  /// Nothing: the call is in, and the ticket is used up. A time: look again then, or when await()
  /// wakes. Error: as of enter(), or of close().
  Result<std::optional<TimePoint>> look(const std::shared_ptr<LimitTicket>& ticket, TimePoint now);
  /// `wake` runs once, on any thread, perhaps at once, when there is reason to look(); perhaps
  /// never.
  void await(LimitTicket& ticket, LimitTicket::Wake wake);
  /// The call waits no more. A place that it was given meanwhile goes on to the next.
  void withdraw(LimitTicket& ticket, TimePoint now);

  /// True: somebody waits, so that serve() is due.
  bool leave() noexcept { return inflight_.leave(); }
  /// Lets in who may go.
  void serve(TimePoint now);

  /// Ends the wait of all who wait, and of any who would.
  void close(Error why);

  /// The settings with `inflight` as it holds now, where it is adaptive.
  LimitSettings live(LimitSettings settings) const noexcept {
    if (adapts(settings)) settings.inflight = adaptive_.limit(settings.inflight);
    return settings;
  }
  /// What an attempt of a call within the limits took, so that the adaptive one learns. `sound`: it
  /// was answered; else it failed, or was given up, after so long.
  void note(const LimitSettings& settings, Duration took, bool sound, TimePoint now) noexcept {
    if (!adapts(settings)) return;
    sound ? adaptive_.note(took, in_flight(), settings.inflight, now)
          : adaptive_.at_least(took, in_flight(), settings.inflight, now);
  }

  std::int64_t in_flight() const noexcept { return inflight_.count(); }
  std::int64_t waiting() const noexcept { return inflight_.waiting(); }

 private:
  static bool adapts(const LimitSettings& settings) noexcept {
    return settings.adaptive != Adaptive::off && settings.inflight > 0;
  }
  Duration take(const LimitSettings& settings, TimePoint now) noexcept;
  Result<std::shared_ptr<LimitTicket>> queue(const LimitSettings& settings, TimePoint until,
                                             TimePoint now);
  std::shared_ptr<LimitTicket> add(Priority priority, TimePoint until, TimePoint now)
      CALLERAPI_REQUIRES(mutex_);
  void remove(LimitTicket& ticket) CALLERAPI_REQUIRES(mutex_);
  TimePoint asked_at(const LimitTicket& first, TimePoint now) const noexcept
      CALLERAPI_REQUIRES(mutex_);
  bool step(TimePoint now, LimitTicket::Wake& wake) CALLERAPI_REQUIRES(mutex_);
  std::optional<Error> hopeless(LimitTicket& last, TimePoint now) CALLERAPI_REQUIRES(mutex_);
  bool seats(Priority priority) const noexcept CALLERAPI_REQUIRES(mutex_);

  Inflight inflight_;
  AdaptiveLimit adaptive_;
  Rate rate_;
  base::Mutex mutex_;
  std::list<std::shared_ptr<LimitTicket>> waiting_ CALLERAPI_GUARDED_BY(mutex_);
  LimitSettings newest_ CALLERAPI_GUARDED_BY(mutex_);  ///< Of whoever queued last.
  std::optional<Error> closed_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::policy
