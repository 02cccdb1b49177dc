#include "policy/stream_pipe.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/futex.hpp"
#include "base/limits.hpp"

namespace callerapi::policy {

bool StreamPipe::has_news() const { return at_ < bytes_.size() || ended_; }

void StreamPipe::make_room() {
  if (at_ == bytes_.size()) {
    bytes_.clear();
    at_ = 0;
  }
  if (resting_ && wake_ && bytes_.size() - at_ < base::limits::stream_buffer_bytes) {
    resting_ = false;
    wake_();
  }
}

/// Wakes whoever waits for news.
void StreamPipe::tell() {
  std::function<void()> waiting;
  {
    base::Lock lock(mutex_);
    if (!has_news()) return;
    waiting = std::exchange(waiting_, nullptr);
  }
  ++news_;
  base::futex_wake_all(news_);
  if (waiting) waiting();
}

bool StreamPipe::begin(Wake wake) {
  base::Lock lock(mutex_);
  if (stopped_) return false;
  begun_ = true;
  wake_ = std::move(wake);
  return true;
}

bool StreamPipe::room() {
  base::Lock lock(mutex_);
  resting_ = bytes_.size() - at_ >= base::limits::stream_buffer_bytes;
  return !resting_;
}

void StreamPipe::put(std::string bytes) {
  if (bytes.empty()) return;
  {
    base::Lock lock(mutex_);
    if (stopped_) return;
    if (at_ == bytes_.size()) {
      bytes_ = std::move(bytes);
    } else {
      bytes_.erase(0, at_).append(bytes);
    }
    at_ = 0;
  }
  tell();
}

void StreamPipe::end(std::optional<Error> why) {
  {
    base::Lock lock(mutex_);
    wake_ = nullptr;
    if (ended_) return;
    ended_ = true;
    why_ = std::move(why);
  }
  tell();
}

bool StreamPipe::stopped() const {
  base::Lock lock(mutex_);
  return stopped_;
}

bool StreamPipe::begun() const {
  base::Lock lock(mutex_);
  return begun_;
}

bool StreamPipe::ready() const {
  base::Lock lock(mutex_);
  return has_news();
}

Result<std::size_t> StreamPipe::read(std::span<char> into) {
  if (into.empty()) return std::size_t{0};
  for (;;) {
    const std::uint32_t before = news_.load();
    {
      base::Lock lock(mutex_);
      if (const std::size_t size = std::min(into.size(), bytes_.size() - at_); size > 0) {
        std::memcpy(into.data(), bytes_.data() + at_, size);
        at_ += size;
        make_room();
        return size;
      }
      if (ended_ && why_) return *why_;
      if (ended_) return std::size_t{0};
    }
    base::futex_wait_until(news_, before, no_deadline);
  }
}

Result<std::string> StreamPipe::take() {
  base::Lock lock(mutex_);
  if (at_ == bytes_.size() && ended_ && why_) return *why_;
  std::string all = std::exchange(bytes_, {});
  all.erase(0, std::exchange(at_, 0));
  make_room();
  return all;
}

void StreamPipe::when_ready(std::function<void()> f) {
  {
    base::Lock lock(mutex_);
    if (!has_news()) {
      waiting_ = std::move(f);
      return;
    }
  }
  f();
}

void StreamPipe::stop(Error why) {
  {
    base::Lock lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    bytes_.clear();
    at_ = 0;
    if (!ended_ || !why_) why_ = std::move(why);
    ended_ = true;
    if (wake_) wake_();
  }
  tell();
}

}  // namespace callerapi::policy
