#pragma once

#include <memory>

#include "base/histogram.hpp"
#include "policy/breaker.hpp"
#include "policy/budget.hpp"
#include "policy/ejection.hpp"
#include "policy/hedging.hpp"
#include "policy/limit_queue.hpp"
#include "policy/meter.hpp"
#include "pool/quota.hpp"

namespace callerapi::policy {

/// What the calls of one service share over time, whichever snapshot they began with: a reload that
/// changes values keeps it, only removing the service ends it. Nothing in it is a setting; those
/// come with each use. Thread-safe.
struct ServiceState {
  Limits limits;  ///< Of its calls.
  /// Of its connections; a thread's old snapshot may outlive this.
  const std::shared_ptr<pool::Quota> quota = std::make_shared<pool::Quota>();
  Budget budget;    ///< Of its retries.
  Breaker breaker;  ///< Of its attempts.
  Ejector ejector;  ///< Of its instances.
  struct {
    base::Counter passed{0}, failed{0};
  } checks;         ///< Of its instances, by `check.path`.
  Hedging hedging;  ///< Of its slow calls.
  ServiceMeter meter;
};

}  // namespace callerapi::policy
