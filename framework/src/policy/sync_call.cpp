#include "policy/sync_call.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/futex.hpp"
#include "policy/tracing.hpp"

namespace callerapi::policy {

/// The stream a stop() may shut down, for as long as this object lives.
class ActiveStream {
 public:
  ActiveStream(StopToken* token, wire::Stream& stream) : token_(token) {
    if (!token_) return;
    base::Lock lock(token_->mutex_);
    token_->active_ = &stream;
    if (token_->why_) stream.shutdown();
  }
  ~ActiveStream() {
    if (!token_) return;
    base::Lock lock(token_->mutex_);
    token_->active_ = nullptr;
  }
  ActiveStream(const ActiveStream&) = delete;
  ActiveStream& operator=(const ActiveStream&) = delete;

 private:
  StopToken* token_;
};

void StopToken::stop(Error why) {
  base::Lock lock(mutex_);
  if (why_) return;
  why_ = std::move(why);
  if (active_) active_->shutdown();
  word_ = 1;
  base::futex_wake_all(word_);
}

std::optional<Error> StopToken::stopped() const {
  if (word_.load() == 0) return std::nullopt;
  base::Lock lock(mutex_);
  return why_;
}

void StopToken::sleep_until(TimePoint until) { base::futex_wait_until(word_, 0, until); }

namespace {

/// Waits on this thread for a connection that the loop takes from the pool or opens.
class Handover final : public pool::Waiter, public std::enable_shared_from_this<Handover> {
 public:
  void ask(CallRun& run) {
    loop_ = &run.loop();
    wants_ = run.wants();
    run.loop().post([self = shared_from_this(), origin = run.origin().shared_from_this()] {
      if (!self->withdrawn_) origin->wait(*self);
    });
  }
  /// Null: the time is over. The loop forgets us before that is certain.
  std::optional<Result<std::unique_ptr<pool::Connection>>> await(CallRun& run, StopToken* token) {
    while (ready_.load() == 0 && !(token && token->stopped())) {
      const TimePoint until = run.acquire_deadline();
      if (run.loop().now() >= until) break;
      // A stop has its own word: look at it now and then while there is one.
      const TimePoint slice =
          token ? std::min(until, run.loop().now() + std::chrono::milliseconds(20)) : until;
      base::futex_wait_until(ready_, 0, slice);
    }
    if (ready_.load() == 0) {
      run.loop().post([self = shared_from_this(), origin = run.origin().shared_from_this(),
                       half = run.half_waited()] {
        self->withdrawn_ = true;
        self->opening_ = origin->opening(half);
        origin->withdraw(*self);
        self->settle();
      });
      while (ready_.load() == 0) base::futex_wait_until(ready_, 0, no_deadline);
    }
    return std::move(got_);
  }
  /// After an await() that answered null: what a connection was at, as acquire_expired() wants it.
  std::optional<Phase> opening() const noexcept { return opening_; }

 private:
  void on_connection(Result<std::unique_ptr<pool::Connection>> got) noexcept override {
    got_.emplace(std::move(got));
    // This thread waits by itself: what comes for it must not wake the loop as well.
    if (*got_) loop_->forget(*(**got_)->stream);
    settle();
  }
  pool::Wants wants() const noexcept override { return wants_; }
  void settle() {
    ready_ = 1;
    base::futex_wake_all(ready_);
  }

  std::atomic<std::uint32_t> ready_{0};
  std::optional<Result<std::unique_ptr<pool::Connection>>> got_;
  wire::Loop* loop_ = nullptr;            ///< Set before the loop sees us; outlives the call.
  pool::Wants wants_ = pool::Wants::any;  ///< Likewise.
  bool withdrawn_ = false;                ///< The loop's thread only.
  std::optional<Phase> opening_;          ///< Until settle() the loop's.
};

/// And when it was got.
struct Acquired {
  Result<std::unique_ptr<pool::Connection>> connection;
  TimePoint at;
};

Acquired acquire(CallRun& run, StopToken* token) {
  const TimePoint built = run.head_built();
  if (run.wants() != pool::Wants::fresh && !run.origin().crowded())
    if (auto connection = run.origin().take(pool::Wants::asked, built))
      return {std::move(connection), built};
  run.await_connection();
  const auto handover = std::make_shared<Handover>();
  handover->ask(run);
  auto got = handover->await(run, token);
  if (!got) return {run.acquire_expired(handover->opening()), run.loop().now()};
  return {std::move(*got), run.loop().now()};
}

void await_ready(const wire::Stream& stream, bool write, TimePoint now, TimePoint until) {
  pollfd entry{stream.fd(), static_cast<short>(POLLIN | (write ? POLLOUT : 0)), 0};
  int timeout = -1;
  if (until != no_deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  ::poll(&entry, 1, timeout);
}

/// As advance(); a patient read tells when the answer stirred.
wire::Exchange::State advance(CallRun& run, wire::Exchange& exchange, wire::Stream& stream) {
  const wire::Exchange::State state = exchange.advance();
  if (const TimePoint over = std::exchange(stream.patient_until, {}); over != TimePoint{})
    run.note_ready(over);
  return state;
}

/// Waits by a patient read where it can, which spares the poll before a read; but not for the last
/// of the time, because SO_RCVTIMEO fires late. The first call of a connection, which may be the
/// only one, does not prepare it for that.
void drive(CallRun& run, wire::Exchange& exchange, const pool::Connection& connection,
           StopToken* token) {
  wire::Stream& stream = *connection.stream;
  const ActiveStream active(token, stream);
  while (advance(run, exchange, stream) == wire::Exchange::State::waiting) {
    if (exchange.progressed()) run.note_progress(exchange);
    if (!exchange.more_now()) {
      const bool writes = stream.wants_write(exchange.wants_write());
      const TimePoint now = run.loop().now(), until = run.next_look(exchange);
      if (!writes && connection.reused && until - now > 2 * wire::Stream::patience &&
          stream.be_patient(run.loop()))
        continue;
      await_ready(stream, writes, now, until);
    }
    run.expire(exchange);
  }
}

/// Ends the call when somebody asked for that. `exchange`: what it was at; null: nothing was sent.
bool stopped(CallRun& run, StopToken* token, const wire::Exchange* exchange = nullptr) {
  auto why = token ? token->stopped() : std::nullopt;
  if (!why) return false;
  if (exchange) {
    why->sent = exchange->sent();
    why->phase = exchange->phase();
  }
  run.end(std::move(*why));
  return true;
}

/// Waits on this thread for its turn or a credential, for the time to look again, or a stop.
void await(CallRun& run, StopToken* token) {
  // The one who wakes may come when this call is over.
  const auto ready = std::make_shared<std::atomic<std::uint32_t>>(0);
  run.await([ready] {
    *ready = 1;
    base::futex_wake_all(*ready);
  });
  const TimePoint until = run.await_until();
  while (ready->load() == 0 && !(token && token->stopped()) && run.loop().now() < until)
    base::futex_wait_until(
        *ready, 0,
        token ? std::min(until, run.loop().now() + std::chrono::milliseconds(20)) : until);
}

/// False: there is nothing to attempt, the result is set.
bool begin(CallRun& run, StopToken* token) {
  for (;;) {
    if (stopped(run, token)) return false;
    const CallRun::Begun begun = run.begin_attempt();
    if (begun != CallRun::Begun::wait) return begun == CallRun::Begun::go;
    await(run, token);
  }
}

/// One attempt from connection to verdict; answers whether to try again.
bool attempt(CallRun& run, StopToken* token) {
  if (run.scripted()) return run.run_scripted();
  auto [got, at] = acquire(run, token);
  if (!got) return !stopped(run, token) && run.failed(std::move(got).error());
  std::unique_ptr<pool::Connection> connection = std::move(*got);
  wire::Exchange exchange(*connection->stream, run.request(*connection, at), connection->reused);
  drive(run, exchange, *connection, token);
  connection->drained = exchange.drained();
  run.origin().give_back(std::move(connection), exchange.reusable(), run.ready_at());
  if (exchange.advance() != wire::Exchange::State::done && stopped(run, token, &exchange))
    return false;
  return run.finished(exchange);
}

/// Sleeps until the next attempt, looking up often enough to see the Caller close.
void back_off(CallRun& run, StopToken* token) {
  StopToken none;
  while (run.loop().now() < run.retry_at() && !(token && token->stopped()) &&
         !run.origin().closed())
    (token ? *token : none)
        .sleep_until(std::min(run.retry_at(), run.loop().now() + std::chrono::milliseconds(100)));
}

}  // namespace

Result<Response> run_here(CallPartsPtr parts, StopToken* token) {
  if (parts->observer) trace_call(*parts);
  CallRun run(std::move(parts));
  while (begin(run, token) && attempt(run, token)) back_off(run, token);
  return run.take_result();
}

}  // namespace callerapi::policy
