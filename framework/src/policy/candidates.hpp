#pragma once

#include <vector>

#include "callerapi/explain.hpp"
#include "policy/instances.hpp"

namespace callerapi::policy {

/// How many of them a record keeps.
inline constexpr std::size_t candidates_max = 8;

/// What the choice of the instance `chosen` was made from, the chosen one first, then what it was
/// compared with, then those that were left out. Empty where the set has but one. `tried`: by the
/// same call, this attempt included.
std::vector<CandidateRecord> candidates_of(const InstanceSet& set, const Choice& choice,
                                           std::size_t chosen, const Tried& tried);

}  // namespace callerapi::policy
