#include "wire/workers.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace callerapi::wire {

struct Workers::State {
  State(std::size_t max, base::ThreadStarter begin) : threads_max(max), starter(begin) {}

  /// Under `mutex`: one thread more if a task needs one and the system has it. Does nobody wait?
  bool start() {
    if (idle >= tasks.size()) return true;
    if (threads.size() >= threads_max) return false;
    auto thread = starter([this] { work(); });
    if (!thread) return false;
    threads.push_back(std::move(*thread));
    return idle + 1 >= tasks.size();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      ready.wait(lock, [this] { return stopping || !tasks.empty(); });
      --idle;
      if (tasks.empty()) return;
      auto task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  // `mutex` protects all below.
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::function<void()>> tasks;
  std::vector<std::thread> threads;
  const std::size_t threads_max;
  const base::ThreadStarter starter;
  std::size_t idle = 0;
  bool stopping = false;
};

Workers::Workers(std::size_t threads_max, base::ThreadStarter start)
    : state_(std::make_unique<State>(threads_max, start)) {}

Workers::~Workers() {
  if (!state_) return;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->ready.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  for (auto& task : state_->tasks) task();  // for which there was no thread
}

bool Workers::run(std::function<void()> task) {
  std::lock_guard lock(state_->mutex);
  state_->tasks.push_back(std::move(task));
  const bool begins = state_->start();
  state_->ready.notify_one();
  return begins;
}

void Workers::try_again() noexcept {
  std::lock_guard lock(state_->mutex);
  state_->start();
}

void Workers::abandon() noexcept { (void)state_.release(); }

}  // namespace callerapi::wire
