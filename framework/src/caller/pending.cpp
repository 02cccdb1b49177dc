#include "caller/pending.hpp"

#include <utility>

#include "base/fork.hpp"
#include "base/futex.hpp"
#include "caller/host.hpp"

namespace callerapi {

detail::CallCore::~CallCore() = default;

namespace caller {

Pending::Pending(std::shared_ptr<Executor> executor, std::function<bool()> inside)
    : executor_(std::move(executor)), inside_(std::move(inside)), fork_count_(base::fork_count()) {}

bool Pending::orphaned() const noexcept { return !done() && base::fork_count() != fork_count_; }

Error cancelled_error() {
  return {
      .outcome = Outcome::cancelled, .reason = "cancelled", .message = "cancelled by the caller"};
}

void Pending::complete(Result<Response>&& result) {
  const auto self = std::move(self_);
  Continuation next;
  bool here = false;
  {
    base::Lock lock(mutex_);
    here = here_;
    next = std::exchange(continuation_, nullptr);
    if (!next || (executor_ && !here)) result_ = std::move(result);
    done_ = 1;
  }
  // Where a continuation is, nobody waits.
  if (!next) return static_cast<void>(base::futex_wake_all(done_));
  // NOLINTBEGIN(bugprone-use-after-move): moved from above only when it goes to the executor
  if (here) return next(std::move(result));
  if (!executor_) return tell(next, std::move(result));
  // NOLINTEND(bugprone-use-after-move)
  hand_over(std::move(next));
}

/// As the executors do: what it throws has nobody to be told to.
void Pending::tell(const Continuation& f, Result<Response>&& result) noexcept {
  try {
    f(std::move(result));
  } catch (...) {
  }
}

/// Runs `f` on the executor. The result waits here: nobody else asks for it any more.
void Pending::hand_over(Continuation f) {
  if (!executor_) return tell(f, take());
  executor_->post([self = shared_from_this(), f = std::move(f)] { f(self->take()); });
}

Result<Response> Pending::take() {
  base::Lock lock(mutex_);
  return std::move(*result_);
}

void Pending::cancel() noexcept {
  if (done() || orphaned()) return;
  if (cancel_) cancel_();
  if (!loop_) return;
  loop_->post([call = call_] {
    if (const auto alive = call.lock()) alive->end(cancelled_error());
  });
}

Result<void> Pending::may_wait() const {
  if (orphaned()) return Host::forked_error();
  if (!done() && inside_ && inside_())
    return Error{Outcome::invalid_argument, "would_deadlock",
                 "get() on the reactor's own thread would wait for itself; use then() or co_await"};
  return {};
}

Result<Response> Pending::wait() {
  if (auto may = may_wait(); !may) return std::move(may).error();
  while (!done()) base::futex_wait_until(done_, 0, no_deadline);
  return take();
}

void Pending::serve(Continuation f, bool here) {
  if (orphaned()) return f(Host::forked_error());  // the executor's threads are the parent's
  {
    base::Lock lock(mutex_);
    if (!result_) {
      continuation_ = std::move(f);
      here_ = here;
      return;
    }
  }
  here ? f(take()) : hand_over(std::move(f));
}

}  // namespace caller
}  // namespace callerapi
