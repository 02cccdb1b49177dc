#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "callerapi/response.hpp"
#include "catalogue/snapshot.hpp"
#include "policy/async_call.hpp"
#include "wire/loop.hpp"

namespace callerapi::caller {

/// Asks the instances of services with `check.path` whether they are well (semantics S8), through
/// the engine and their own pools, and has those left alone that are not. A check is no call of the
/// service: it runs no hook and holds no lease, sends no credential, and counts in none of its
/// limits, breaker and meters. The loop's thread only.
class HealthChecks {
 public:
  /// Begins a call; `done` runs on the loop.
  using Send = std::function<void(policy::CallPartsPtr parts, policy::AsyncCall::Done done)>;
  HealthChecks(base::Log log, wire::Loop& loop, Send send);

  /// Asks whoever is due. To be called about once a second with what is in force: who is not in it
  /// any more is asked no more, and what is still on its way from there changes nothing.
  void sweep(const catalogue::Snapshot& snapshot);
  /// How many were asked and have not answered. Thread-safe.
  int under_way() const noexcept { return under_way_; }

 private:
  struct Checked;
  using Service = std::shared_ptr<const catalogue::Service>;
  using One = std::shared_ptr<policy::Instance>;
  void look_at(const Service& service);
  void ask(const Service& service, const One& instance, const std::shared_ptr<Checked>& checked);
  void heard(const catalogue::Service& service, const policy::Instance& instance, Checked& checked,
             const Result<Response>& answer);
  void passed(const catalogue::Service& service, const policy::Instance& instance,
              Checked& checked);
  void failed(const catalogue::Service& service, const policy::Instance& instance, Checked& checked,
              const std::string& why);
  void keep_out(const catalogue::Service& service, const policy::Instance& instance);

  const base::Log log_;
  wire::Loop& loop_;
  const Send send_;
  policy::CallCounters counters_;  ///< Of nobody's interest.
  std::atomic<int> under_way_{0};
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Checked>> checked_;
};

}  // namespace callerapi::caller
