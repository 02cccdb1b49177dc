#include "policy/async_call.hpp"

#include <utility>

#include "base/prefetch.hpp"

namespace callerapi::policy {
namespace {

// Pieces of 64 KiB and more that a stream hands on before others have their turn.
constexpr int turns_max = 16;

}  // namespace

AsyncCall::AsyncCall(CallPartsPtr parts, Done done, Ended ended)
    : run_(std::move(parts)),
      done_(std::move(done)),
      ended_(std::move(ended)),
      timer_([this] { on_time(); }) {}

AsyncCall::~AsyncCall() { run_.loop().disarm(timer_); }

void AsyncCall::begin() { attempt(); }

void AsyncCall::attempt() {
  const CallRun::Begun begun = run_.begin_attempt();
  if (begun == CallRun::Begun::done) return finish();
  if (begun == CallRun::Begun::wait) return await();
  if (run_.scripted()) return next_or_finish(run_.run_scripted());
  waiting_ = Waiting::connection;
  run_.await_connection();
  run_.loop().arm(timer_, run_.acquire_deadline());
  asking_ = true;
  run_.origin().wait(*this, run_.head_built());
  asking_ = false;
}

/// For its turn, or a credential.
void AsyncCall::await() {
  waiting_ = Waiting::admission;
  run_.loop().arm(timer_, run_.await_until());
  run_.await([loop = &run_.loop(), self = weak_from_this()] {
    loop->post([self] {
      if (auto alive = self.lock()) alive->on_awaited();
    });
  });
}

void AsyncCall::on_awaited() {
  if (waiting_ != Waiting::admission || !run_.awaited()) return;
  run_.loop().disarm(timer_);
  waiting_ = Waiting::nothing;
  attempt();
}

void AsyncCall::on_connection(Result<std::unique_ptr<pool::Connection>> got) noexcept {
  const auto self = asking_ ? nullptr : shared_from_this();
  run_.loop().disarm(timer_);
  waiting_ = Waiting::nothing;
  if (!got) return next_or_finish(run_.failed(std::move(got).error()));
  connection_ = std::move(*got);
  const TimePoint now = asking_ ? run_.head_built() : run_.loop().now();
  exchange_.emplace(*connection_->stream, run_.request(*connection_, now), connection_->reused);
  if (auto watched = run_.loop().watch(*connection_->stream, *this); !watched) {
    exchange_->abort(watched.error().outcome, watched.error().reason, watched.error().message);
    return after_exchange();
  }
  waiting_ = Waiting::exchange;
  pump();
}

void AsyncCall::prefetch() const noexcept {
  base::prefetch(this, sizeof *this);
  run_.prefetch();
  if (!connection_) return;
  base::prefetch(connection_.get(), sizeof *connection_);
  base::prefetch(connection_->stream.get(), sizeof *connection_->stream);
}

void AsyncCall::on_ready() noexcept {
  const auto self = shared_from_this();
  run_.note_ready(run_.loop().now());
  if (waiting_ == Waiting::exchange) pump();
  if (waiting_ == Waiting::stream) pump_stream();
}

void AsyncCall::pump() {
  const wire::Exchange::State state = exchange_->advance();
  if (state == wire::Exchange::State::head) return open_stream();
  if (state != wire::Exchange::State::waiting) return after_exchange();
  if (exchange_->progressed()) run_.note_progress(*exchange_);
  if (exchange_->more_now()) come_back();
  look_later();
}

/// As if the connection had stirred, once others had their turn.
void AsyncCall::come_back() {
  // Once for all that stirs meanwhile: turns that each bring the next must not grow in number.
  if (std::exchange(coming_back_, true)) return;
  run_.loop().post([self = weak_from_this()] {
    const auto alive = self.lock();
    if (!alive) return;
    alive->coming_back_ = false;
    alive->on_ready();
  });
}

/// The timer is moved forward lazily, when it fires, but backward at once: another stage of the
/// exchange has other times.
void AsyncCall::look_later() {
  const TimePoint due = run_.next_look(*exchange_);
  if (timer_.armed() && armed_for_ <= due) return;
  run_.loop().disarm(timer_);
  run_.loop().arm(timer_, armed_for_ = due);
}

void AsyncCall::on_time() {
  const auto self = shared_from_this();
  switch (waiting_) {
    case Waiting::connection: {
      if (const TimePoint until = run_.acquire_deadline(); run_.loop().now() < until)
        return run_.loop().arm(timer_, until);
      const auto opening = run_.origin().opening(run_.half_waited());
      run_.origin().withdraw(*this);
      return next_or_finish(run_.failed(run_.acquire_expired(opening)));
    }
    case Waiting::exchange:
      run_.expire(*exchange_);
      return pump();
    case Waiting::stream:
      run_.expire(*exchange_);
      return pump_stream();
    case Waiting::admission:
    case Waiting::retry:
      return attempt();
    case Waiting::nothing:
    case Waiting::done:
      return;
  }
}

void AsyncCall::after_exchange() {
  run_.loop().disarm(timer_);
  waiting_ = Waiting::nothing;
  // The connection goes home, or is closed, before anybody hears of the result.
  connection_->drained = exchange_->drained();
  run_.origin().give_back(std::move(connection_), exchange_->reusable(), run_.ready_at());
  if (waiting_ == Waiting::done) return;  // whoever it was given to has ended all calls
  const bool again = run_.finished(*exchange_);
  exchange_.reset();
  next_or_finish(again);
}

void AsyncCall::next_or_finish(bool again) {
  if (!again) return finish();
  waiting_ = Waiting::retry;
  if (run_.retry_at() <= run_.loop().now()) return attempt();
  run_.loop().arm(timer_, run_.retry_at());
}

void AsyncCall::open_stream() {
  run_.loop().disarm(timer_);
  // A refused head is told to the sink of spans, which may end all calls.
  waiting_ = Waiting::done;
  auto head = run_.open_stream(*exchange_);
  StreamPipe& pipe = *run_.prepared().stream;
  auto done = std::exchange(done_, nullptr);
  const bool wanted = head && pipe.begin([loop = &run_.loop(), self = weak_from_this()] {
    loop->post([self] {
      if (auto alive = self.lock()) alive->on_ready();
    });
  });
  if (wanted) {
    waiting_ = Waiting::stream;
  } else {
    // A hook refused the head, or nobody is left to read what follows it.
    exchange_.reset();
    run_.origin().give_back(std::move(connection_), false);
    if (head) run_.close_stream(std::nullopt);
    if (auto ended = std::exchange(ended_, nullptr)) ended(*this);
  }
  if (done) done(std::move(head));
  if (waiting_ == Waiting::stream) pump_stream();
}

void AsyncCall::pump_stream() {
  StreamPipe& pipe = *run_.prepared().stream;
  auto state = wire::Exchange::State::more;
  for (int turns = 0; state == wire::Exchange::State::more; ++turns) {
    if (turns == turns_max) break;
    if (pipe.stopped())
      return end_stream(Error{.outcome = Outcome::cancelled,
                              .reason = "cancelled",
                              .message = "the reader of the stream stopped it",
                              .phase = Phase::body,
                              .sent = Sent::yes},
                        false);
    const bool rests = !exchange_->ended() && !pipe.room();
    run_.note_rest(rests);
    if (rests) return look_later();
    state = exchange_->advance();
    if (exchange_->progressed()) run_.note_progress(*exchange_);
    pipe.put(exchange_->take_body());
    if (waiting_ != Waiting::stream) return;  // whoever took it has ended the call
  }
  if (state == wire::Exchange::State::done) return end_stream(std::nullopt, exchange_->reusable());
  if (state == wire::Exchange::State::failed) return end_stream(exchange_->take_error(), false);
  if (state == wire::Exchange::State::more || exchange_->more_now()) come_back();
  look_later();
}

void AsyncCall::end_stream(std::optional<Error> why, bool reusable) {
  run_.loop().disarm(timer_);
  waiting_ = Waiting::done;
  connection_->drained = exchange_->drained();
  run_.measure_bodies(*exchange_);
  exchange_.reset();
  // As with a whole answer, the connection goes home before anybody hears of the end.
  run_.origin().give_back(std::move(connection_), reusable);
  run_.prepared().stream->end(run_.close_stream(std::move(why)));
  if (auto ended = std::exchange(ended_, nullptr)) ended(*this);
}

void AsyncCall::end(Error why) {
  const auto self = shared_from_this();
  if (waiting_ == Waiting::done) return;
  run_.loop().disarm(timer_);
  if (waiting_ == Waiting::connection) run_.origin().withdraw(*this);
  if (waiting_ == Waiting::stream) {
    why.sent = Sent::yes;
    why.phase = Phase::body;
    return end_stream(std::move(why), false);
  }
  if (exchange_) {
    why.sent = exchange_->sent();
    why.phase = exchange_->phase();
    exchange_.reset();
  }
  if (connection_) run_.origin().give_back(std::move(connection_), false);
  run_.end(std::move(why));
  finish();
}

void AsyncCall::finish() {
  waiting_ = Waiting::done;
  if (auto ended = std::exchange(ended_, nullptr)) ended(*this);
  if (auto done = std::exchange(done_, nullptr)) done(run_.take_result());
}

}  // namespace callerapi::policy
