#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/stats.hpp"

namespace callerapi::policy {

enum class Place : std::uint8_t { path = 1, query, header, form, location };
enum class ParamType : std::uint8_t { text = 1, integer, real, boolean };
enum class BodyKind : std::uint8_t { none = 1, json, form, multipart, bytes };
enum class Idempotency : std::uint8_t { by_method, yes, no, key };

struct Param {
  std::string name;
  Place place = Place::query;
  ParamType type = ParamType::text;
  bool required = false;

  bool operator==(const Param&) const = default;
};

/// One declared operation, copied from a plugin and checked: nothing in it points into a library.
/// Immutable once published.
struct Endpoint {
  std::string name;
  std::string method;
  std::string path;  ///< RFC 6570 template.
  std::vector<Param> params;
  BodyKind request_body = BodyKind::none;
  BodyKind response_body = BodyKind::bytes;
  Idempotency idempotency = Idempotency::by_method;
  std::uint64_t schema_hash = 0;

  bool operator==(const Endpoint&) const = default;
};

/// RFC 9110 9.2.2, and QUERY.
bool idempotent_method(std::string_view method) noexcept;
/// May this endpoint's requests be sent twice? `key` counts: the header makes it so.
bool may_repeat(const Endpoint&) noexcept;

/// As embedders and the program see it.
EndpointInfo info(const Endpoint&);

std::string_view name(Place) noexcept;
std::string_view name(ParamType) noexcept;
std::string_view name(BodyKind) noexcept;

}  // namespace callerapi::policy
