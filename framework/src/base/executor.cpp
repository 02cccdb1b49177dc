#include "callerapi/executor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/signals.hpp"

namespace callerapi {

Executor::~Executor() = default;

namespace {

/// A task that throws has nobody to tell; the thread it ran on must survive.
void run(Executor::Task& task) noexcept {
  try {
    task();
  } catch (...) {
  }
}

class InlineExecutor final : public Executor {
 public:
  void post(Task task) override { run(task); }
};

/// What a pool's threads share; it outlives the pool when its last owner let go of that in a task.
class Tasks {
 public:
  void add(Executor::Task task) {
    {
      std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(task));
    }
    ready_.notify_one();
  }
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    ready_.notify_all();
  }
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Executor::Task task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      run(task);
      task = nullptr;
      lock.lock();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Executor::Task> waiting_;  // protected by mutex_
  bool stopping_ = false;               // protected by mutex_
};

class PoolExecutor final : public Executor {
 public:
  explicit PoolExecutor(std::size_t threads) {
    const base::SignalsBlocked around_the_start;
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([tasks = tasks_] { tasks->work(); });
  }
  ~PoolExecutor() override {
    tasks_->stop();
    for (std::thread& thread : threads_)
      // A task of its own may hold the last handle on a call, and with it the pool.
      thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
  }
  void post(Task task) override { tasks_->add(std::move(task)); }

 private:
  const std::shared_ptr<Tasks> tasks_ = std::make_shared<Tasks>();
  std::vector<std::thread> threads_;
};

}  // namespace

std::shared_ptr<Executor> Executor::inline_executor() {
  static const auto only = std::make_shared<InlineExecutor>();
  return only;
}

std::shared_ptr<Executor> Executor::pool(std::size_t threads) {
  return std::make_shared<PoolExecutor>(std::clamp<std::size_t>(threads, 1, 64));
}

struct CompletionQueue::State {
  std::mutex mutex;
  std::deque<Task> tasks;  // protected by mutex
  int event = -1;
};

CompletionQueue::CompletionQueue() : state_(std::make_unique<State>()) {
  state_->event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

CompletionQueue::~CompletionQueue() {
  if (state_->event >= 0) ::close(state_->event);
}

int CompletionQueue::fd() const noexcept { return state_->event; }

void CompletionQueue::post(Task task) {
  std::lock_guard lock(state_->mutex);
  state_->tasks.push_back(std::move(task));
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->event, &one, sizeof one);
}

std::size_t CompletionQueue::drain(std::size_t max) {
  std::deque<Task> taken;
  {
    std::lock_guard lock(state_->mutex);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(state_->event, &count, sizeof count);
    while (!state_->tasks.empty() && taken.size() < max) {
      taken.push_back(std::move(state_->tasks.front()));
      state_->tasks.pop_front();
    }
    const std::uint64_t left = state_->tasks.size();
    if (left > 0) {
      [[maybe_unused]] const ssize_t written = ::write(state_->event, &left, sizeof left);
    }
  }
  for (Task& task : taken) run(task);
  return taken.size();
}

}  // namespace callerapi
