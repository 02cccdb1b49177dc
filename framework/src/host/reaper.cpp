#include "host/reaper.hpp"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "host/plugin_code.hpp"

namespace callerapi::host {
namespace {

/// Calls are still inside: unmapping would pull the code from under them.
void keep_for_ever(std::shared_ptr<LoadedCode> code) {
  static base::Mutex* const mutex = new base::Mutex;
  static auto* const kept = new std::vector<std::shared_ptr<LoadedCode>>;
  base::Lock lock(*mutex);
  kept->push_back(std::move(code));
}

}  // namespace

Reaper::~Reaper() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  if (thread_) thread_->join();
}

void Reaper::retire(std::shared_ptr<LoadedCode> code) {
  counters_.draining.fetch_add(1);
  base::Lock lock(mutex_);
  arrived_.push_back({std::move(code), std::chrono::steady_clock::now()});
  if (!thread_) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::make_unique<std::thread>([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ready_.notify_all();
}

void Reaper::look() noexcept {
  {
    base::Lock lock(mutex_);
    looked_ = true;
  }
  ready_.notify_all();
}

bool Reaper::attend(Retired& retired) {
  if (retired.code->try_end()) {
    counters_.draining.fetch_sub(1);
    if (retired.overdue) counters_.overdue.fetch_sub(1);
    return true;
  }
  if (!retired.overdue && std::chrono::steady_clock::now() - retired.since > budget_) {
    retired.overdue = true;
    counters_.overdue.fetch_add(1);
    log_.write(LogLevel::warning, "host",
               retired.code->file() +
                   ": unload_overdue: " + std::to_string(retired.code->leases()) +
                   " calls still hold it after its drain time; it stays mapped until they end");
  }
  return false;
}

bool Reaper::wait() {
  base::Lock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (!stopping_ && !looked_ && arrived_.empty()) {
    if (retired_.empty())
      ready_.wait(mutex_);
    else if (ready_.wait_until(mutex_, until) == std::cv_status::timeout)
      break;
  }
  looked_ = false;
  for (Retired& one : arrived_) retired_.push_back(std::move(one));
  arrived_.clear();
  return !stopping_;
}

void Reaper::work() {
  for (bool more = true; more;) {
    more = wait();
    std::erase_if(retired_, [this](Retired& one) { return attend(one); });
  }
  for (Retired& one : retired_) keep_for_ever(std::move(one.code));
}

}  // namespace callerapi::host
