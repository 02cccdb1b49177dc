#include "simulation/loop.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "simulation/network.hpp"

namespace callerapi::simulation {

SimLoop::SimLoop(std::uint64_t seed)
    : random_(seed), wheel_(now_), network_(std::make_unique<Network>(*this)) {}
SimLoop::~SimLoop() = default;

void SimLoop::at(TimePoint due, std::function<void()> task) {
  tasks_.push({std::max(due, now_), tasks_given_++, std::move(task)});
}

void SimLoop::run_until(TimePoint end) {
  for (;;) {
    const auto timer = wheel_.next_due();
    TimePoint next = tasks_.empty() ? no_deadline : tasks_.top().due;
    if (timer) next = std::min(next, *timer);
    if (next > end) break;
    now_ = std::max(now_, next);
    wheel_.advance(now_);
    if (tasks_.empty() || tasks_.top().due > now_) continue;
    auto run = tasks_.top().run;
    tasks_.pop();
    run();
  }
  now_ = std::max(now_, end);
}

void SimLoop::note(std::uint64_t what) noexcept {
  const auto when = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  history_ = base::Random(history_ ^ what ^ (when << 1)).next();
}

std::int64_t SimLoop::wall_ms() const noexcept {
  constexpr std::chrono::milliseconds some_day = std::chrono::hours(24 * 365 * 56);
  return (some_day + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()))
      .count();
}

void SimLoop::resolve(const std::string& host, std::uint16_t port, Resolved done) {
  network_->resolve(host, port, std::move(done));
}

Result<std::unique_ptr<wire::Stream>> SimLoop::connect(const wire::Address& to) {
  return network_->connect(to);
}

Result<void> SimLoop::watch(wire::Stream& stream, wire::StreamEvents& events) {
  Network::watch(stream, &events);
  return {};
}

void SimLoop::rest(wire::Stream& stream) noexcept { Network::watch(stream, nullptr); }
bool SimLoop::stirred(wire::Stream& stream) noexcept { return Network::stirred(stream); }
void SimLoop::forget(wire::Stream& stream) noexcept { Network::watch(stream, nullptr); }

}  // namespace callerapi::simulation
