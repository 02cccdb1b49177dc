#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "policy/call_run.hpp"

namespace callerapi::simulation {

/// A service's node as a snapshot holds it: what is set later reaches later calls alone.
struct Node : policy::Callee {
  policy::Settings settings;
};

struct Around {
  wire::Loop& loop;
  policy::CallCounters& counters;
};

/// An ad-hoc call of that service.
inline Result<policy::CallPartsPtr> parts_of(const Around& around, const policy::ServiceView& view,
                                             std::shared_ptr<const Node> node,
                                             std::string_view method, std::string_view path,
                                             Request request) {
  auto parts = std::make_unique<policy::CallParts>();
  parts->loop = &around.loop;
  parts->counters = &around.counters;
  auto prepared = policy::prepare_ad_hoc(parts->prepared, view, method, path, node->settings,
                                         request, around.loop);
  if (!prepared) return std::move(prepared).error();
  parts->callee = std::move(node);
  return parts;
}

inline std::shared_ptr<const Node> node_of(std::shared_ptr<const policy::InstanceSet> instances,
                                           std::shared_ptr<policy::ServiceState> state,
                                           const policy::Settings& settings) {
  auto node = std::make_shared<Node>();
  node->instances = std::move(instances);
  node->state = std::move(state);
  node->settings = settings;
  return node;
}

}  // namespace callerapi::simulation
