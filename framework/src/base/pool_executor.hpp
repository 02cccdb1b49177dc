#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "callerapi/executor.hpp"
#include "callerapi/result.hpp"

namespace callerapi::base {

/// Executor::pool(), which can also be stopped while others still hold it. post() is thread-safe;
/// all else belongs to its owner.
class PoolExecutor final : public Executor {
 public:
  /// With as many of `threads` as the system has to give; with none, tasks run where they are
  /// posted.
  explicit PoolExecutor(std::size_t threads);
  ~PoolExecutor() override { stop(); }
  PoolExecutor(const PoolExecutor&) = delete;
  PoolExecutor& operator=(const PoolExecutor&) = delete;

  void post(Task task) override;
  /// Why there are fewer threads than were asked for; null: there are not.
  const std::optional<Error>& refused() const noexcept { return refused_; }
  /// Runs what is queued, and what that posts, then joins; on a thread of its own it joins the
  /// others only. What is posted later runs at once, on the thread that posts it.
  void stop();

 private:
  class Tasks;
  const std::shared_ptr<Tasks> tasks_;
  std::vector<std::thread> threads_;
  std::optional<Error> refused_;
};

/// Runs a task whose exceptions have nobody to be told to: the thread it runs on must survive.
void run_task(Executor::Task& task) noexcept;

}  // namespace callerapi::base
