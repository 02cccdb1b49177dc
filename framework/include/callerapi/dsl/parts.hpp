#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "callerapi/abi/v1.h"
#include "callerapi/dsl/text.hpp"

/// What an endpoint is declared with: bodies, parameters, options.
namespace callerapi::dsl {

// Bodies that are no JSON type.
struct none {};       ///< No body.
struct form {};       ///< application/x-www-form-urlencoded; of a request.
struct multipart {};  ///< multipart/form-data; of a request.
struct bytes {};      ///< Anything; a Body of a request, the whole Response of an answer.

/// How a parameter of type T is checked before it is sent.
template <class T>
constexpr capi_type type_of() {
  if constexpr (std::is_same_v<T, bool>) return CAPI_BOOLEAN;
  if constexpr (std::is_integral_v<T>) return CAPI_INTEGER;
  if constexpr (std::is_floating_point_v<T>) return CAPI_REAL;
  return CAPI_TEXT;
}

/// What the parameters below have in common. Name: as it is sent.
template <Text Name, class T, capi_place Place, bool Required>
struct param {
  using type = T;
  static constexpr auto text = Name;
  static constexpr std::string_view name = Name.view();
  static constexpr capi_param row{sizeof(capi_param), Place, type_of<T>(),
                                  Required,           0,     {name.data(), name.size()}};
};
/// `{name}` of the path.
template <Text Name, class T = std::string>
struct path : param<Name, T, CAPI_PATH, true> {};
/// A URL of the service's own origin that an earlier answer handed out (Location, a next page): the
/// endpoint's path is `{name}` alone. Sent as it is.
template <Text Name>
struct location : param<Name, std::string, CAPI_LOCATION, true> {};
/// A query parameter that every call sends.
template <Text Name, class T = std::string>
struct query : param<Name, T, CAPI_QUERY, true> {};
/// A query parameter that a call may send: with<"limit">(10).
template <Text Name, class T = std::string>
struct opt : param<Name, T, CAPI_QUERY, false> {};
/// A header that every call sends.
template <Text Name, class T = std::string>
struct header : param<Name, T, CAPI_HEADER, true> {};

/// May it be sent twice? One of the three below; none: by its method (RFC 9110 9.2.2).
template <capi_idempotency Value>
struct idempotency {
  static constexpr capi_idempotency value = Value;
};
/// May be sent twice although its method says otherwise.
using idempotent = idempotency<CAPI_IDEMPOTENT>;
/// Must not be sent twice although its method allows it.
using not_idempotent = idempotency<CAPI_NOT_IDEMPOTENT>;
/// Made repeatable by an Idempotency-Key header, which the engine mints.
using idempotency_key = idempotency<CAPI_IDEMPOTENCY_KEY>;

/// A setting in the registry's own keys and texts: policy<"timeouts.total", "5s">.
template <Text Key, Text Value>
struct policy {
  static constexpr capi_setting row{{Key.chars, Key.view().size()},
                                    {Value.chars, Value.view().size()}};
};

// What may stand behind the bodies of an endpoint.
template <class T>
concept IsParam = requires {
  { T::row } -> std::convertible_to<const capi_param&>;
};
template <class T>
concept IsPolicy = requires {
  { T::row } -> std::convertible_to<const capi_setting&>;
};
template <class T>
concept IsIdempotency = requires {
  { T::value } -> std::convertible_to<capi_idempotency>;
};
template <class T>
concept IsOption = IsParam<T> || IsPolicy<T> || IsIdempotency<T>;

template <class O>
constexpr bool is_location() {
  if constexpr (IsParam<O>) return O::row.place == CAPI_LOCATION;
  return false;
}

template <class T>
constexpr capi_body body_of() {
  if constexpr (std::is_same_v<T, none>) return CAPI_BODY_NONE;
  if constexpr (std::is_same_v<T, form>) return CAPI_BODY_FORM;
  if constexpr (std::is_same_v<T, multipart>) return CAPI_BODY_MULTIPART;
  if constexpr (std::is_same_v<T, bytes>) return CAPI_BODY_BYTES;
  return CAPI_BODY_JSON;
}

}  // namespace callerapi::dsl
