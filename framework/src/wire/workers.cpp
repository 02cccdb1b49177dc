#include "wire/workers.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/signals.hpp"

namespace callerapi::wire {

struct Workers::State {
  explicit State(std::size_t max) : threads_max(max) {}

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
  std::size_t idle = 0;
  bool stopping = false;
};

Workers::Workers(std::size_t threads_max) : state_(std::make_unique<State>(threads_max)) {}

Workers::~Workers() {
  if (!state_) return;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->ready.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void Workers::run(std::function<void()> task) {
  std::lock_guard lock(state_->mutex);
  state_->tasks.push_back(std::move(task));
  if (state_->idle < state_->tasks.size() && state_->threads.size() < state_->threads_max) {
    const base::SignalsBlocked around_the_start;
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
  }
  state_->ready.notify_one();
}

void Workers::abandon() noexcept { (void)state_.release(); }

}  // namespace callerapi::wire
