#include "policy/endpoint.hpp"

#include <algorithm>
#include <array>

namespace callerapi::policy {
namespace {

constexpr std::string_view idempotent_methods[] = {"GET",   "HEAD", "OPTIONS", "TRACE",
                                                   "QUERY", "PUT",  "DELETE"};
constexpr std::string_view places[] = {"?", "path", "query", "header", "form", "location"};
constexpr std::string_view types[] = {"?", "text", "integer", "real", "boolean"};
constexpr std::string_view bodies[] = {"?", "none", "json", "form", "multipart", "bytes"};

}  // namespace

bool idempotent_method(std::string_view method) noexcept {
  return std::ranges::find(idempotent_methods, method) != std::end(idempotent_methods);
}

bool may_repeat(const Endpoint& endpoint) noexcept {
  switch (endpoint.idempotency) {
    case Idempotency::yes:
    case Idempotency::key:
      return true;
    case Idempotency::no:
      return false;
    case Idempotency::by_method:
      return idempotent_method(endpoint.method);
  }
  return false;
}

std::string_view name(Place place) noexcept { return places[static_cast<std::size_t>(place)]; }
std::string_view name(ParamType type) noexcept { return types[static_cast<std::size_t>(type)]; }
std::string_view name(BodyKind kind) noexcept { return bodies[static_cast<std::size_t>(kind)]; }

EndpointInfo info(const Endpoint& e) {
  EndpointInfo out{e.name, e.method, e.path, std::string(name(e.request_body)), {}, {}};
  out.idempotency = e.idempotency == Idempotency::key ? "key" : may_repeat(e) ? "yes" : "no";
  for (const Param& p : e.params)
    out.parameters.push_back(
        {p.name, std::string(name(p.place)), std::string(name(p.type)), p.required});
  return out;
}

}  // namespace callerapi::policy
