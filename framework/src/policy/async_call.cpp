#include "policy/async_call.hpp"

#include <utility>

namespace callerapi::policy {

AsyncCall::AsyncCall(CallParts parts, Done done)
    : run_(std::move(parts)), done_(std::move(done)), timer_([this] { on_time(); }) {}

AsyncCall::~AsyncCall() { run_.loop().disarm(timer_); }

void AsyncCall::begin() { attempt(); }

void AsyncCall::attempt() {
  if (!run_.begin_attempt()) return finish();
  if (run_.scripted()) return next_or_finish(run_.run_scripted());
  waiting_ = Waiting::connection;
  run_.loop().arm(timer_, run_.acquire_deadline());
  const auto self = shared_from_this();
  run_.origin().wait(*this);
}

void AsyncCall::on_connection(Result<std::unique_ptr<pool::Connection>> got) noexcept {
  const auto self = shared_from_this();
  run_.loop().disarm(timer_);
  waiting_ = Waiting::nothing;
  if (!got) return next_or_finish(run_.failed(std::move(got).error()));
  connection_ = std::move(*got);
  exchange_.emplace(*connection_->stream, run_.request(), connection_->reused);
  if (auto watched = run_.loop().watch(*connection_->stream, *this); !watched) {
    exchange_->abort(watched.error().outcome, watched.error().reason, watched.error().message);
    return after_exchange();
  }
  waiting_ = Waiting::exchange;
  pump();
}

void AsyncCall::on_ready() noexcept {
  const auto self = shared_from_this();
  if (waiting_ == Waiting::exchange) pump();
}

void AsyncCall::pump() {
  if (exchange_->advance() != wire::Exchange::State::waiting) return after_exchange();
  if (exchange_->progressed()) run_.note_progress();
  // The timer is only ever moved forward lazily: it looks again when it fires.
  if (!timer_.armed()) run_.loop().arm(timer_, run_.next_look(*exchange_));
}

void AsyncCall::on_time() {
  const auto self = shared_from_this();
  switch (waiting_) {
    case Waiting::connection:
      run_.origin().withdraw(*this);
      return next_or_finish(run_.failed(run_.acquire_expired()));
    case Waiting::exchange:
      run_.expire(*exchange_);
      return pump();
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
  run_.origin().give_back(std::move(connection_), exchange_->reusable());
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

void AsyncCall::end(Error why) {
  const auto self = shared_from_this();
  if (waiting_ == Waiting::done) return;
  run_.loop().disarm(timer_);
  if (waiting_ == Waiting::connection) run_.origin().withdraw(*this);
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
  if (auto done = std::exchange(done_, nullptr)) done(run_.take_result());
}

}  // namespace callerapi::policy
