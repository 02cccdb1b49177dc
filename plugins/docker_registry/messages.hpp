#pragma once

#include <callerapi/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// What travels between a registry and its callers, besides blobs and manifests.
namespace docker_registry {

/// A repository without tags says so with null.
struct Tags {
  std::string name;
  std::optional<std::vector<std::string>> tags;
};
CALLERAPI_JSON(Tags, name, tags)

struct Catalog {
  std::vector<std::string> repositories;
};
CALLERAPI_JSON(Catalog, repositories)

}  // namespace docker_registry
