#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pool/origin.hpp"

namespace callerapi::policy {

/// One place where a service runs. Shared by the sets it stands in one after the other, so that
/// what is known of it outlives a change of the others. Thread-safe.
struct Instance {
  std::string name;  ///< "10.0.0.7:8080", for people.
  std::shared_ptr<pool::Origin> origin;
};

/// Where the calls of a service may go. Immutable; another set replaces it. At least one.
class InstanceSet {
 public:
  explicit InstanceSet(std::vector<std::shared_ptr<Instance>> all) : all_(std::move(all)) {}

  std::span<const std::shared_ptr<Instance>> all() const noexcept { return all_; }
  bool has(const Instance& one) const noexcept {
    return std::ranges::any_of(all_, [&](const auto& known) { return known.get() == &one; });
  }

 private:
  std::vector<std::shared_ptr<Instance>> all_;
};

}  // namespace callerapi::policy
