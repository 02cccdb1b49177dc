#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "policy/hedged_call.hpp"
#include "simulation/worker.hpp"

namespace callerapi::simulation {

/// One service under a steady load, in virtual time, on the real policies, pool and wire.
class Model {
 public:
  /// What instance number `at` does with a request.
  using Work = std::function<void(int at, const Answer& answer)>;
  struct Done {
    Duration began, took;  ///< `began` since the model was made.
    bool good;
  };

  Model(policy::Settings settings, int instances, Work work, std::uint64_t seed = 1);

  /// So many calls a second for so long, then time for the last of them.
  void run(double calls_per_second, Duration time, Duration after = std::chrono::seconds(2));
  void call();
  void end_all(const Error& why);
  void run_for(Duration time) { loop_.run_until(loop_.now() + time); }
  /// What came before counts for nothing: until policies have seen something, they do nothing.
  void forget();

  double percentile_ms(double of) const;
  double extra_requests() const;  ///< Hedges for each call.
  SimLoop& loop() noexcept { return loop_; }
  Duration since_start() const { return loop_.now() - begun_; }
  const std::vector<Done>& done() const noexcept { return done_; }
  const policy::CallCounters& counters() const noexcept { return counters_; }
  std::uint64_t failures_seen() const;
  /// Of calls in flight, as it holds now.
  std::int64_t limit() const { return state_->limits.live(settings_.limits).inflight; }
  std::size_t running() const noexcept { return running_.size(); }

 private:
  SimLoop loop_;
  const policy::Settings settings_;
  const TimePoint begun_;
  const std::shared_ptr<pool::Family> family_ = std::make_shared<pool::Family>();
  // On the heap: AddressSanitizer's stack does not align to a cache line.
  const std::unique_ptr<policy::CallCounters> held_ = std::make_unique<policy::CallCounters>();
  policy::CallCounters& counters_ = *held_;
  std::shared_ptr<const policy::InstanceSet> instances_;
  const std::shared_ptr<policy::ServiceState> state_ = std::make_shared<policy::ServiceState>();
  std::map<std::size_t, std::shared_ptr<policy::LoopCall>> running_;
  std::size_t next_ = 0;
  std::vector<Done> done_;
  std::uint64_t hedges_before_ = 0;
};

/// Evenly from (0, 1].
double even(SimLoop& loop);
/// 20 ms as a rule, lognormal; one in fifty takes 500 ms more.
Duration stalling_time(SimLoop& loop);

}  // namespace callerapi::simulation
