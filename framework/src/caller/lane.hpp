#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/mutex.hpp"
#include "policy/async_call.hpp"
#include "policy/sync_call.hpp"
#include "wire/loop.hpp"
#include "wire/workers.hpp"

namespace callerapi::caller {

/// Calls that stream bodies. Code of their bodies may block, so each has a thread while it runs;
/// those for which none is free wait, and the loop ends those that may not wait any longer.
/// Thread-safe but where it says otherwise. Nobody may use it once the loop is gone.
class Lane {
 public:
  /// `loop` outlives this.
  explicit Lane(wire::Loop& loop);

  /// Lines the call up. `done` hears its result, on a thread of the lane, or on the loop if the
  /// call's deadline or stop() ended it before it began.
  void run(policy::CallPartsPtr parts, std::shared_ptr<policy::StopToken> token,
           policy::AsyncCall::Done done);
  /// Ends the call of that token, whether it has begun or not.
  void stop(policy::StopToken& token, Error why);
  /// Ends all with `why`, those that come later too. On the loop's thread.
  void end(const Error& why);
  /// Neither waits a call nor does one run.
  bool empty() const noexcept { return calls_ == 0; }
  /// To be called now and then: see wire::Workers.
  void try_again() noexcept { workers_->try_again(); }
  /// After end(): until the threads have left.
  void join() { workers_.reset(); }
  /// In a forked child: see wire::Workers.
  void abandon() noexcept { workers_->abandon(); }

 private:
  struct Call {
    policy::CallPartsPtr parts;
    std::shared_ptr<policy::StopToken> token;
    policy::AsyncCall::Done done;
  };

  void run_next();
  void finish(Call call);
  /// Has the loop look at those who wait.
  void post_look() CALLERAPI_REQUIRES(mutex_);
  void look();

  wire::Loop& loop_;
  std::atomic<std::size_t> calls_{0};

  base::Mutex mutex_;
  std::deque<Call> waiting_ CALLERAPI_GUARDED_BY(mutex_);
  std::size_t tasks_ CALLERAPI_GUARDED_BY(mutex_) = 0;  ///< That will run_next(): enough for all.
  std::unordered_set<policy::StopToken*> running_ CALLERAPI_GUARDED_BY(mutex_);
  std::optional<Error> ended_ CALLERAPI_GUARDED_BY(mutex_);
  bool look_posted_ CALLERAPI_GUARDED_BY(mutex_) = false;
  TimePoint look_at_ CALLERAPI_GUARDED_BY(mutex_) = no_deadline;  ///< When the loop looks.

  wire::Timer timer_;  ///< The loop's thread only.
  std::unique_ptr<wire::Workers> workers_;
};

}  // namespace callerapi::caller
