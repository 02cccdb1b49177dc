#include "host/reaper.hpp"

#include <exception>
#include <utility>

#include "base/signals.hpp"
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

/// What keeps it after its drain time, and until when.
std::string why(LoadedCode::End end, std::uint64_t leases) {
  if (end == LoadedCode::End::not_at_rest)
    return "its quiesce() still says that it is not at rest after its drain time; it stays mapped "
           "until it is";
  if (end == LoadedCode::End::no_thread)
    return "no thread could be had to end it after its drain time; it stays mapped until there is "
           "one";
  return std::to_string(leases) +
         " calls still hold it after its drain time; it stays mapped until they end";
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

bool Reaper::ready() noexcept {
  base::Lock lock(mutex_);
  try {
    const base::SignalsBlocked around_the_start;
    if (!thread_) thread_ = std::make_unique<std::thread>([this] { work(); });
  } catch (const std::exception&) {  // no thread, or no memory for one
    return false;
  }
  return true;
}

void Reaper::retire(std::shared_ptr<LoadedCode> code) {
  counters_.draining.fetch_add(1);
  base::Lock lock(mutex_);
  arrived_.push_back({std::move(code), std::chrono::steady_clock::now()});
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
  const LoadedCode::End end = retired.code->try_end();
  if (end == LoadedCode::End::ended) {
    counters_.draining.fetch_sub(1);
    if (retired.overdue) counters_.overdue.fetch_sub(1);
    return true;
  }
  if (!retired.overdue && std::chrono::steady_clock::now() - retired.since > budget_) {
    retired.overdue = true;
    counters_.overdue.fetch_add(1);
    log_.write(LogLevel::warning, "host",
               retired.code->file() + ": unload_overdue: " + why(end, retired.code->leases()));
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
