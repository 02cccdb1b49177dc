#include "host/describe.hpp"

#include <optional>
#include <utility>

namespace callerapi::host {
namespace {

std::string text(json::View from, std::string_view key) {
  const json::View found = from.find(key);
  return std::string(found ? found.string().value_or("") : "");
}

/// An enum of the ABI, 0 when it is missing or beyond `last`.
template <class Enum>
Enum known(json::View from, std::string_view key, Enum last) {
  const json::View found = from.find(key);
  const std::uint64_t value = found ? found.natural().value_or(0) : 0;
  return static_cast<Enum>(value > static_cast<std::uint64_t>(last) ? 0 : value);
}

policy::Endpoint endpoint(json::View from) {
  policy::Endpoint e{.name = text(from, "name"),
                     .method = text(from, "method"),
                     .path = text(from, "path"),
                     .params = {},
                     .request_body = known(from, "request_body", policy::BodyKind::bytes),
                     .response_body = known(from, "response_body", policy::BodyKind::bytes),
                     .idempotency = known(from, "idempotency", policy::Idempotency::key)};
  const json::View params = from.find("params");
  for (std::size_t i = 0; params && i < params.size(); ++i) {
    const json::View p = params.at(i);
    const json::View required = p.find("required");
    e.params.push_back({text(p, "name"), known(p, "place", policy::Place::location),
                        known(p, "type", policy::ParamType::boolean),
                        required && required.boolean().value_or(false)});
  }
  return e;
}

}  // namespace

Described read_description(json::View root) {
  Described out;
  out.tables.id = text(root, "id");
  out.tables.version = text(root, "version");
  out.tables.owner = text(root, "owner");
  const json::View hooks = root.find("hooks"), endpoints = root.find("endpoints");
  for (std::size_t i = 0; hooks && i < hooks.size(); ++i)
    out.hooks.emplace_back(hooks.at(i).string().value_or(""));
  for (std::size_t i = 0; endpoints && i < endpoints.size(); ++i)
    out.tables.endpoints.push_back({endpoint(endpoints.at(i)), {}});
  return out;
}

}  // namespace callerapi::host
