#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "callerapi/deadline.hpp"
#include "host/counters.hpp"

namespace callerapi::host {

class LoadedCode;

/// The thread on which retired plugins end: it waits for their last lease, asks them to come to
/// rest, destroys and unmaps them. Never forces: what is not drained stays mapped, and is looked at
/// again every second. Thread-safe.
class Reaper {
 public:
  static constexpr std::chrono::seconds drain_budget{30};  ///< The drain time-out of a reload.

  Reaper(const base::Log& log, Counters& counters, Duration budget = drain_budget)
      : log_(log), counters_(counters), budget_(budget) {}
  /// Ends what is drained; what is not stays mapped for the life of the process.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Before any code is made that will retire: a thread for its end. False: none could be had.
  bool ready() noexcept;
  /// `code` is closed: no new lease can begin.
  void retire(std::shared_ptr<LoadedCode> code);
  /// A last lease was given back.
  void look() noexcept;
  /// In a forked child: gives the thread up without joining.
  void abandon() noexcept { static_cast<void>(thread_.release()); }

 private:
  struct Retired {
    std::shared_ptr<LoadedCode> code;
    TimePoint since;
    bool overdue = false;
  };
  void work();
  /// Until there is something to do; false: the last round.
  bool wait();
  /// True when nothing is left to do for it.
  bool attend(Retired& retired);

  const base::Log& log_;
  Counters& counters_;
  const Duration budget_;
  base::Mutex mutex_;
  std::condition_variable_any ready_;
  std::vector<Retired> arrived_ CALLERAPI_GUARDED_BY(mutex_);
  bool looked_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool stopping_ CALLERAPI_GUARDED_BY(mutex_) = false;
  std::unique_ptr<std::thread> thread_;  ///< Started by the first ready(), under mutex_.
  std::vector<Retired> retired_;         ///< The thread's own.
};

}  // namespace callerapi::host
