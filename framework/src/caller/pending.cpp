#include "caller/pending.hpp"

#include <utility>

#include "base/fork.hpp"
#include "base/futex.hpp"
#include "caller/host.hpp"

namespace callerapi {

detail::CallCore::~CallCore() = default;

namespace caller {

Pending::Pending(std::shared_ptr<Executor> executor, wire::Loop& loop)
    : executor_(std::move(executor)), loop_(loop), fork_count_(base::fork_count()) {}

bool Pending::orphaned() const noexcept { return !done() && !at_home(); }

Error cancelled_error() {
  return {
      .outcome = Outcome::cancelled, .reason = "cancelled", .message = "cancelled by the caller"};
}

void Pending::complete(Result<Response>&& result) {
  const auto self = std::move(self_);
  if (state_.load(std::memory_order_acquire) != awaited) {
    result_ = std::move(result);
    std::uint32_t was = running;
    if (state_.compare_exchange_strong(was, ended, std::memory_order_acq_rel))
      return static_cast<void>(base::futex_wake_all(state_));
    // A continuation came meanwhile.
    state_.store(ended, std::memory_order_release);
    return tell(std::move(*result_));
  }
  state_.store(ended, std::memory_order_release);
  // NOLINTNEXTLINE(bugprone-use-after-move): moved from above only on the way that returns
  tell(std::move(result));
}

/// To the continuation; nobody else asks for the result any more.
void Pending::tell(Result<Response>&& result) {
  Continuation next = std::exchange(continuation_, nullptr);
  if (here_) return next(std::move(result));
  // What the executor holds must not hold the executor: a queue that nobody drains would stay.
  const auto executor = std::move(executor_);
  if (!executor) {
    try {
      return next(std::move(result));
    } catch (...) {  // as the executors do: it has nobody to be told to
    }
    return;
  }
  struct Told {
    Continuation next;
    Result<Response> result;
  };
  const auto told = std::make_shared<Told>(Told{std::move(next), std::move(result)});
  executor->post([told] { told->next(std::move(told->result)); });
}

void Pending::cancel() noexcept {
  if (done() || orphaned()) return;
  if (cancel_) return cancel_();
  loop_.post([call = call_] {
    if (const auto alive = call.lock()) alive->end(cancelled_error());
  });
}

Result<void> Pending::may_wait() const {
  if (orphaned()) return Host::forked_error();
  if (!done() && loop_.inside())
    return Error{Outcome::invalid_argument, "would_deadlock",
                 "get() on the reactor's own thread would wait for itself; use then() or co_await"};
  return {};
}

Result<Response> Pending::wait() {
  if (auto may = may_wait(); !may) return std::move(may).error();
  served_ = true;
  while (!done()) base::futex_wait_until(state_, running, no_deadline);
  return std::move(*result_);
}

void Pending::serve(Continuation f, bool here) {
  if (orphaned()) return f(Host::forked_error());  // the executor's threads are the parent's
  served_ = true;
  continuation_ = std::move(f);
  here_ = here;
  std::uint32_t was = running;
  if (!state_.compare_exchange_strong(was, awaited, std::memory_order_acq_rel))
    tell(std::move(*result_));
}

}  // namespace caller
}  // namespace callerapi
