#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "wire/loop.hpp"
#include "wire/timer_wheel.hpp"

namespace callerapi::simulation {

class Network;

/// A loop without a clock, a socket or a thread: time jumps to the next thing that happens, and
/// one seed decides all that happens. What runs on it is the real wire, pool and policy.
class SimLoop final : public wire::Loop {
 public:
  explicit SimLoop(std::uint64_t seed);
  ~SimLoop() override;

  base::Random& rng() noexcept { return random_; }
  Network& network() noexcept { return *network_; }

  /// Runs `task` then; tasks of one moment run in the order they were given.
  void at(TimePoint due, std::function<void()> task);
  void after(Duration wait, std::function<void()> task) { at(now_ + wait, std::move(task)); }
  /// Lets everything happen until `end`.
  void run_until(TimePoint end);
  /// What has happened so far, as one number: equal histories have equal ones.
  std::uint64_t history() const noexcept { return history_; }
  void note(std::uint64_t what) noexcept;

  TimePoint now() const noexcept override { return now_; }
  std::int64_t wall_ms() const noexcept override;
  std::uint64_t random() noexcept override { return random_.next(); }
  void post(std::function<void()> task) override { at(now_, std::move(task)); }
  bool inside() const noexcept override { return true; }
  void arm(wire::Timer& timer, TimePoint due) override { wheel_.arm(timer, due); }
  void disarm(wire::Timer& timer) override { wheel_.disarm(timer); }
  void resolve(const std::string& host, std::uint16_t port, Resolved done) override;
  Result<std::unique_ptr<wire::Stream>> connect(const wire::Address& to) override;
  Result<void> watch(wire::Stream& stream, wire::StreamEvents& events) override;
  void rest(wire::Stream& stream) noexcept override;
  bool stirred(wire::Stream& stream) noexcept override;
  void forget(wire::Stream& stream) noexcept override;

 private:
  struct Task {
    TimePoint due;
    std::uint64_t number;
    std::function<void()> run;
    bool operator<(const Task& other) const noexcept {
      return due != other.due ? due > other.due : number > other.number;
    }
  };
  base::Random random_;
  TimePoint now_{std::chrono::hours(1)};
  wire::TimerWheel wheel_;
  std::priority_queue<Task> tasks_;
  std::uint64_t tasks_given_ = 0, history_ = 0;
  std::unique_ptr<Network> network_;
};

}  // namespace callerapi::simulation
