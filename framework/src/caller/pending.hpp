#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.hpp"
#include "callerapi/call.hpp"
#include "callerapi/executor.hpp"
#include "policy/loop_call.hpp"
#include "wire/loop.hpp"

namespace callerapi::caller {

Error cancelled_error();

/// What a Call<T> holds: the meeting point of the call's end and the face that waits for it.
/// Thread-safe; each side comes once. In a forked child a call that the parent began never ends:
/// there cancel() does nothing, and whoever waits is told `forked` at once, on its own thread.
class Pending final : public detail::CallCore, public std::enable_shared_from_this<Pending> {
 public:
  using Cancel = std::function<void()>;
  /// `executor`: null for the thread that ends the call. `inside` answers whether the asking thread
  /// is the reactor.
  Pending(std::shared_ptr<Executor> executor, std::function<bool()> inside);

  /// How cancel() reaches the call. Before the handle is given out.
  void on_cancel(Cancel cancel) { cancel_ = std::move(cancel); }
  void on_cancel(wire::Loop& loop, std::weak_ptr<policy::LoopCall> call) {
    loop_ = &loop;
    call_ = std::move(call);
  }
  /// Lives until complete(), whoever lets go of it meanwhile.
  void keep() { self_ = shared_from_this(); }
  void complete(Result<Response>&& result);

  bool done() const noexcept override { return done_.load() != 0; }
  void cancel() noexcept override;
  Result<Response> wait() override;
  Result<void> may_wait() const override;
  void on_done(Continuation f) override { serve(std::move(f), false); }
  void on_done_here(Continuation f) override { serve(std::move(f), true); }

 private:
  /// Does whoever would end it live in another process?
  bool orphaned() const noexcept;
  void serve(Continuation f, bool here);
  void hand_over(Continuation f);
  static void tell(const Continuation& f, Result<Response>&& result) noexcept;
  Result<Response> take();

  const std::shared_ptr<Executor> executor_;
  const std::function<bool()> inside_;
  const unsigned fork_count_;
  Cancel cancel_;
  wire::Loop* loop_ = nullptr;
  std::weak_ptr<policy::LoopCall> call_;
  std::shared_ptr<Pending> self_;
  std::atomic<std::uint32_t> done_{0};
  base::Mutex mutex_;
  std::optional<Result<Response>> result_ CALLERAPI_GUARDED_BY(mutex_);
  Continuation continuation_ CALLERAPI_GUARDED_BY(mutex_);
  bool here_ CALLERAPI_GUARDED_BY(mutex_) = false;  ///< Not on the executor.
};

}  // namespace callerapi::caller
