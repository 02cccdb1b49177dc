#include "base/pool_executor.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/thread.hpp"

namespace callerapi::base {

void run_task(Executor::Task& task) noexcept {
  try {
    task();
  } catch (...) {
  }
}

/// What a pool's threads share; it outlives the pool when its last owner let go of that in a task.
class PoolExecutor::Tasks {
 public:
  /// False: nobody works any more, and `task` is as it was.
  bool add(Task& task) {
    {
      std::lock_guard lock(mutex_);
      if (working_ == 0) return false;
      waiting_.push_back(std::move(task));
    }
    ready_.notify_one();
    return true;
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    ready_.notify_all();
  }
  /// Before a thread is started for work(); `by` -1: it could not be.
  void expect(int by) {
    std::lock_guard lock(mutex_);
    working_ += by;
  }
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return static_cast<void>(--working_);
      Task task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      run_task(task);
      task = nullptr;
      lock.lock();
    }
  }

 private:
  // `mutex_` protects all below.
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> waiting_;
  int working_ = 0;  ///< Threads that have not left.
  bool stopping_ = false;
};

PoolExecutor::PoolExecutor(std::size_t threads) : tasks_(std::make_shared<Tasks>()) {
  while (threads_.size() < threads) {
    tasks_->expect(1);
    auto thread = start_thread([tasks = tasks_] { tasks->work(); });
    if (!thread) {
      tasks_->expect(-1);
      refused_ = std::move(thread).error();
      return;
    }
    threads_.push_back(std::move(*thread));
  }
}

void PoolExecutor::post(Task task) {
  if (!tasks_->add(task)) run_task(task);
}

void PoolExecutor::stop() {
  tasks_->stop();
  for (std::thread& thread : std::exchange(threads_, {}))
    // A task of its own may hold the last handle on a call, and with it the pool.
    thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
}

}  // namespace callerapi::base
