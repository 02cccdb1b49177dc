#pragma once

#include "base/outcomes.hpp"
#include "policy/retry.hpp"

namespace callerapi::policy {

/// What an attempt says of the service: the breaker's column of the table of outcomes. One that the
/// deadline cut off after `ran` counts where it had half of timeouts.attempt; waiting for a
/// connection never does.
base::Verdict breaker_verdict(const Attempted& attempted, Duration ran, Duration attempt) noexcept;

}  // namespace callerapi::policy
