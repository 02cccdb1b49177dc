#pragma once

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "callerapi/executor.hpp"

namespace callerapi::base {

/// Executor::pool(), which can also be stopped while others still hold it. Thread-safe but for
/// stop() and the destructor, which belong to its owner.
class PoolExecutor final : public Executor {
 public:
  explicit PoolExecutor(std::size_t threads);
  ~PoolExecutor() override { stop(); }
  PoolExecutor(const PoolExecutor&) = delete;
  PoolExecutor& operator=(const PoolExecutor&) = delete;

  void post(Task task) override;
  /// Runs what is queued, and what that posts, then joins; on a thread of its own it joins the
  /// others only. What is posted later runs at once, on the thread that posts it.
  void stop();

 private:
  class Tasks;
  const std::shared_ptr<Tasks> tasks_;
  std::vector<std::thread> threads_;
};

/// Runs a task whose exceptions have nobody to be told to: the thread it runs on must survive.
void run_task(Executor::Task& task) noexcept;

}  // namespace callerapi::base
