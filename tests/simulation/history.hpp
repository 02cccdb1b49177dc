#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace callerapi::simulation {

/// What one seed came to.
struct Verdict {
  std::vector<std::string> breaches;  ///< One line for each rule that was broken.
  std::uint64_t history = 0;          ///< Equal for equal runs.
  int calls = 0, answered = 0, failed = 0, attempts = 0, reloads = 0;
};

/// Plays one history: a seed picks services, instances, faults, calls, cancellations and reloads;
/// the real policies, pool and wire run on it. First everything may fail, then faults stop and
/// everything must heal.
Verdict play(std::uint64_t seed, int calls);

}  // namespace callerapi::simulation
