#pragma once

#include "base/outcomes.hpp"
#include "policy/retry.hpp"

namespace callerapi::policy {

/// What an attempt says of the service, and of the instance it went to.
struct Rating {
  base::Verdict breaker, outlier;
  base::BalanceSample balance;
};

/// Three columns of the table of outcomes. An attempt that the deadline cut off after `ran` counts
/// where it had half of timeouts.attempt; waiting for a connection never does.
Rating rate(const Attempted& attempted, Duration ran, Duration attempt) noexcept;

}  // namespace callerapi::policy
