#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/fork.hpp"
#include "callerapi/call.hpp"
#include "callerapi/executor.hpp"
#include "policy/loop_call.hpp"
#include "wire/loop.hpp"

namespace callerapi::caller {

Error cancelled_error();

/// What a Call<T> holds: the meeting point of the call's end and the face that waits for it.
/// Thread-safe; each side comes once, and neither takes a lock. In a forked child a call that the
/// parent began never ends: there cancel() does nothing, and whoever waits is told `forked` at
/// once, on its own thread.
class Pending : public detail::CallCore {
 public:
  using Cancel = std::function<void()>;
  /// `executor`: null for the thread that ends the call. `loop` drives it, and outlives this.
  Pending(std::shared_ptr<Executor> executor, wire::Loop& loop);

  /// How cancel() reaches the call. Before the handle is given out.
  void on_cancel(Cancel cancel) { cancel_ = std::move(cancel); }
  void on_cancel(std::weak_ptr<policy::LoopCall> call) { call_ = std::move(call); }
  /// Lives until complete(), whoever lets go of it meanwhile.
  void keep(std::shared_ptr<Pending> self) { self_ = std::move(self); }
  void complete(Result<Response>&& result);

  bool done() const noexcept override { return state_.load(std::memory_order_acquire) == ended; }
  void cancel() noexcept override;
  Result<Response> wait() override;
  Result<void> may_wait() const override;
  void on_done(Continuation f) override { serve(std::move(f), false); }
  void on_done_here(Continuation f) override { serve(std::move(f), true); }

 protected:
  /// Has a face been served, which takes the result?
  bool served() const noexcept { return served_; }
  /// Is this the process that it was made in?
  bool at_home() const noexcept { return base::fork_count() == fork_count_; }

 private:
  /// `awaited`: continuation_ is set, and nobody will look at result_ before it.
  enum State : std::uint32_t { running, awaited, ended };

  /// Does whoever would end it live in another process?
  bool orphaned() const noexcept;
  void serve(Continuation f, bool here);
  void tell(Result<Response>&& result);

  std::shared_ptr<Executor> executor_;  ///< Until it was given the result.
  wire::Loop& loop_;
  const unsigned fork_count_;
  Cancel cancel_;
  std::weak_ptr<policy::LoopCall> call_;
  std::shared_ptr<Pending> self_;
  std::atomic<std::uint32_t> state_{running};  ///< Also what wait() sleeps on.
  // Of the side that has come, until the other has seen it in state_.
  std::optional<Result<Response>> result_;
  Continuation continuation_;
  bool here_ = false;    ///< Not on the executor.
  bool served_ = false;  ///< Of the thread that has the handle.
};

}  // namespace callerapi::caller
