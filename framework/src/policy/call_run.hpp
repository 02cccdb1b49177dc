#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/prefetch.hpp"
#include "base/short_text.hpp"
#include "callerapi/explain.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "policy/callee.hpp"
#include "policy/prepared.hpp"
#include "policy/retry.hpp"
#include "policy/stopwatch.hpp"
#include "policy/verdict.hpp"
#include "wire/exchange.hpp"
#include "wire/loop.hpp"
#include "wire/request_writer.hpp"

namespace callerapi::testing {
class Transport;
}
namespace callerapi::wire {
class ReplaySource;
}

namespace callerapi::policy {

class CallLog;
class CallObserver;

/// Counters of one Caller. Relaxed: for people, not for decisions.
struct CallCounters {
  base::Counter calls{0}, failed{0}, retries{0}, retries_denied{0}, breaker_rejected{0}, hedges{0};
  base::Sharded<base::Counter> attempts, ended;

  /// Calls begun and not ended.
  std::uint64_t in_flight() const noexcept {
    // In this order: a call that ends meanwhile is counted as running, never as less than none.
    const std::uint64_t over = sum(ended), begun = calls.load();
    return begun > over ? begun - over : 0;
  }
  void end(unsigned shard) noexcept { count(ended.of(shard), 1, ended.writers(shard)); }
};

/// What a call is made with. Handed on by pointer: it is large, and views point into it.
struct CallParts {
  wire::Loop* loop = nullptr;
  std::shared_ptr<const Callee> callee;
  CallCounters* counters = nullptr;
  CallLog* log = nullptr;            ///< Takes the records that are kept; null: nobody does.
  CallObserver* observer = nullptr;  ///< Told of spans, see trace_call(); null: nobody is.
  unsigned shard = 0;                ///< Group of the thread that drives the call; the loop is 0.
  std::shared_ptr<testing::Transport> transport;  ///< Answers attempts instead of the network.
  const Instance* avoid = nullptr;  ///< Where a sibling of this call has been sent to.
  bool counted = true;              ///< False: it is a part of a call that is counted itself.
  bool limited = true;              ///< False: that call is within the limits already.
  Prepared prepared;
  Lease code;  ///< Empty: no hooks.
};
using CallPartsPtr = std::unique_ptr<CallParts>;

/// One call between its attempts: builds each request, judges each end, decides what comes next.
/// It moves no bytes and waits for nothing; the driver that owns it does. One thread
/// at a time.
class CallRun {
 public:
  explicit CallRun(CallPartsPtr parts);
  ~CallRun();
  CallRun(const CallRun&) = delete;
  CallRun& operator=(const CallRun&) = delete;

  wire::Loop& loop() const noexcept { return *parts_.loop; }
  /// The pool of the instance that the attempt under way, or the last one, goes to. Only after a
  /// begin_attempt() that did not fail.
  pool::Origin& origin() const noexcept { return *instance_->origin; }
  const Prepared& prepared() const noexcept { return parts_.prepared; }
  /// Null before the first attempt.
  const Instance* instance() const noexcept { return instance_; }
  int attempts() const noexcept { return attempts_; }
  /// How far an attempt that has ended may have come.
  Sent sent() const noexcept { return sent_; }
  /// See wire::StreamEvents.
  void prefetch() const noexcept { base::prefetch(&parts_, sizeof parts_); }
  /// The call is worth a record, however it ends.
  void keep_record() noexcept { parts_.prepared.explain = true; }

  enum class Begun : std::uint8_t { go, wait, done };
  /// Begins the next attempt. `done`: there is no time for it, or a policy or a hook refused; the
  /// result is set. `wait`: call await(), and this again once woken or at await_until().
  /// The connection must not be waited for beyond acquire_deadline(), which moves on when the name
  /// turns out to lead to more addresses than before.
  Begun begin_attempt();
  /// Waits for its turn within the limits of the service, or for a credential. `wake` runs once, on
  /// any thread, perhaps at once; perhaps never if the call ends before.
  void await(std::function<void()> wake);
  TimePoint await_until() const noexcept {
    return turn_.ticket ? turn_.look_at : parts_.prepared.deadline;
  }
  /// May what it waited for have come?
  bool awaited() const noexcept { return turn_.ticket || has_credential(); }
  /// How long it waited for its turn.
  Duration waited_turn() const noexcept { return turn_.waited; }
  TimePoint acquire_deadline() const noexcept;
  /// After a stale connection this attempt needs a new one: the others of the pool are likely no
  /// better.
  pool::Wants wants() const noexcept {
    if (fresh_) return pool::Wants::fresh;
    return parts_.prepared.may_repeat ? pool::Wants::any : pool::Wants::asked;
  }
  /// When the request of this attempt was ready to be sent; without hooks, when it was begun.
  TimePoint head_built() const noexcept { return head_built_; }
  /// From then on the call waits for a connection.
  void await_connection() noexcept { watch_.enter(&TimeLedger::queue, head_built_); }
  /// What to send on the connection of this attempt, which was got at `now`.
  wire::ExchangeRequest request(const pool::Connection& connection, TimePoint now);

  /// When an exchange that makes no further progress must be looked at again.
  TimePoint next_look(const wire::Exchange& exchange) const noexcept;
  /// The exchange may move again. Before advance(), but for the first time.
  void note_ready(TimePoint now) noexcept { ready_at_ = now; }
  TimePoint ready_at() const noexcept { return ready_at_; }
  /// It has moved bytes.
  void note_progress(const wire::Exchange& exchange) noexcept;
  /// Does the consumer of the stream rest? That time is not the peer's; the deadline holds.
  void note_rest(bool rests) noexcept;
  /// Ends the exchange if one of its times has passed.
  void expire(wire::Exchange& exchange);
  /// The wait for a connection took too long. `opening`: what the origin said on the loop that one
  /// has been at since half_waited(); nothing: none was being opened.
  Error acquire_expired(std::optional<Phase> opening) const;
  TimePoint half_waited() const noexcept {
    return attempt_began_ + (loop().now() - attempt_began_) / 2;
  }

  /// Is the call answered by a testing transport instead of pool and wire?
  bool scripted() const noexcept { return parts_.transport != nullptr; }
  /// The attempt that has begun, from request to verdict; as finished().
  bool run_scripted();

  /// Takes what an attempt came to. True: try again at retry_at(). False: result() is set.
  bool finished(wire::Exchange& exchange);
  bool failed(Error error);
  TimePoint retry_at() const noexcept { return retry_at_; }

  /// The head of a streamed answer: runs the last hook and ends the lease on the plugin. What
  /// follows belongs to next_look(), expire() and close_stream().
  Result<Response> open_stream(wire::Exchange& exchange);
  /// What the bodies of an exchange that has ended came to; finished() does it itself.
  void measure_bodies(const wire::Exchange& exchange);
  /// The streamed body has ended; answers what to tell its consumer.
  std::optional<Error> close_stream(std::optional<Error> why);

  /// Ends the call from outside.
  void end(Error error);
  /// Ends the lease on the plugin, counts, and hands the result out, once.
  Result<Response> take_result();
  /// Gives the call's place within the limits of its service back. take_result() does it, but for a
  /// part of a call that goes on.
  void leave_limits() noexcept;

 private:
  void keep_body();
  void forget_body(const wire::Exchange& exchange) noexcept;
  bool admit();
  Begun enter_limits();
  Begun refused(Error error);
  void end_wait(TimePoint now);
  AdmissionRecord admission() const;
  bool has_credential() const noexcept { return ticket_ && ticket_->done(); }
  Begun authorize();
  bool renew(int status);
  void stop_waiting() noexcept;
  void teach_limits(const Rating& rating, Duration took, TimePoint now) noexcept;
  bool pass_breaker();
  void tell_breaker(const Attempted& attempt, TimePoint now);
  bool pick();
  void settle(const Attempted& attempt, TimePoint now);
  Duration granted() const noexcept;
  TimePoint time_ends(const wire::Exchange& exchange) const noexcept;
  bool paced(const wire::Exchange& exchange) const noexcept;
  bool too_slow(const wire::Exchange& exchange, TimePoint now) noexcept;
  void rate_instance(const Attempted& attempt, TimePoint now);
  void measure_attempt(const Attempted& attempt, TimePoint now);
  BodySink* sink();
  void note_decision(const Attempted& attempt, const Decision& next);
  void note_attempt(std::string_view decision, Duration wait);
  std::shared_ptr<const CallRecord> record(const Error* error, int status);
  void add_breaker(CallRecord& record) const;
  void measure_call(bool ok, const TimeLedger& time);
  void account(Error& error);
  void account(Response& response);
  void account_part();
  bool build_head();
  bool write_head(Headers& headers);
  Result<void> add_credential(Headers& headers);
  wire::RequestHead request_head(const Headers& headers) const;
  bool look_at(Response& response);
  void expire_stream(wire::Exchange& exchange, TimePoint now);
  void count_attempt() noexcept;
  std::optional<Error> not_opened(std::optional<Phase> opening) const;
  void charge_failed_opening(Phase phase) noexcept;
  bool completed(Response&& response);
  bool expired_there(const Response& response) const;
  Error expiry_of(const Response& response) const;
  RetryTerms retry_terms() const;
  bool judge(Attempted attempt);
  void set_result(Error error) { result_.emplace(std::move(error)); }
  Error placed(Error error);
  Error why_ended(Error error) const;

  const CallPartsPtr owned_;
  CallParts& parts_;
  const Instance* instance_ = nullptr;  ///< One of the callee's.
  std::size_t instance_index_ = 0;
  Tried tried_;
  Choice choice_;  ///< How the instance of this attempt was chosen.
  RetryState retry_;
  wire::ReplaySource* kept_ = nullptr;  ///< In prepared().source, where a body must be kept.
  Breaker::Permit permit_;
  int attempts_ = 0;
  Sent sent_ = Sent::no;  ///< How far an earlier attempt may have come.
  bool entered_ = false;  ///< The call holds a place of the service.
  struct {
    std::shared_ptr<LimitTicket> ticket;  ///< While it waits for one.
    TimePoint since{}, look_at{};
    Duration waited{0};
    std::int32_t found_in_flight = -1, found_waiting = 0;  ///< Others, when it came,
    std::int32_t found_places = 0;                         ///< of so many places. 0: any.
    bool refused = false;
  } turn_;
  bool open_ = false;  ///< An attempt was admitted and not settled yet.
  bool fresh_ = false;
  std::shared_ptr<Credential::Ticket> ticket_;
  std::shared_ptr<const Token> token_;  ///< What the attempt is sent with.
  bool renewed_ = false;
  std::string head_;
  base::ShortText request_id_;
  bool streaming_ = false;  ///< The head has been handed out.
  bool resting_ = false;    ///< The consumer of the stream has enough for now.
  bool decode_ = false;     ///< No hook has asked for other codings.
  // What is kept of the attempts that were not the last, and of the one before now.
  std::vector<AttemptRecord> notes_;
  struct {
    Outcome outcome = Outcome::ok;
    int status = 0;
  } last_;
  TimeLedger noted_;
  std::string_view kind_ = "first", stop_reason_;
  std::uint64_t span_ = 0;  ///< Of this attempt; 0: the call belongs to no trace.
  std::string peer_;        ///< Where its connection leads, of a traced call.
  Stopwatch watch_;
  TimePoint attempt_began_{}, head_built_{}, attempt_ends_{}, ready_at_{}, progress_at_{},
      judged_at_{}, retry_at_{};
  struct {
    TimePoint since{};  ///< Zero: the answer has not begun.
    std::uint64_t bytes = 0;
  } pace_;  ///< Where the time began over which the answer's rate is taken.
  std::unique_ptr<BodySink> paced_sink_;  ///< Only while that is looked at; see sink().
  std::optional<Result<Response>> result_;
};

}  // namespace callerapi::policy
