#include "callerapi/executor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "base/pool_executor.hpp"

namespace callerapi {

Executor::~Executor() = default;

namespace {

class InlineExecutor final : public Executor {
 public:
  void post(Task task) override { base::run_task(task); }
};

}  // namespace

std::shared_ptr<Executor> Executor::inline_executor() {
  static const auto only = std::make_shared<InlineExecutor>();
  return only;
}

std::shared_ptr<Executor> Executor::pool(std::size_t threads) {
  return std::make_shared<base::PoolExecutor>(std::clamp<std::size_t>(threads, 1, 64));
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
  for (Task& task : taken) base::run_task(task);
  return taken.size();
}

}  // namespace callerapi
