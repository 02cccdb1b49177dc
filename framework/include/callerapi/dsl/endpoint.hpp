#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "callerapi/abi/v1.h"
#include "callerapi/dsl/text.hpp"

namespace callerapi::dsl {

// Bodies that are no JSON type.
struct none {};
struct form {};
struct multipart {};
struct bytes {};

template <class T>
constexpr capi_type type_of() {
  if constexpr (std::is_same_v<T, bool>) return CAPI_BOOLEAN;
  if constexpr (std::is_integral_v<T>) return CAPI_INTEGER;
  if constexpr (std::is_floating_point_v<T>) return CAPI_REAL;
  return CAPI_TEXT;
}

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
/// A query parameter that every call sends.
template <Text Name, class T = std::string>
struct query : param<Name, T, CAPI_QUERY, true> {};
/// A query parameter that a call may send: with<"limit">(10).
template <Text Name, class T = std::string>
struct opt : param<Name, T, CAPI_QUERY, false> {};
/// A header that every call sends.
template <Text Name, class T = std::string>
struct header : param<Name, T, CAPI_HEADER, true> {};

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

template <class T>
constexpr capi_body body_of() {
  if constexpr (std::is_same_v<T, none>) return CAPI_BODY_NONE;
  if constexpr (std::is_same_v<T, form>) return CAPI_BODY_FORM;
  if constexpr (std::is_same_v<T, multipart>) return CAPI_BODY_MULTIPART;
  if constexpr (std::is_same_v<T, bytes>) return CAPI_BODY_BYTES;
  return CAPI_BODY_JSON;
}

/// One operation. Users write the verbs below.
template <Text Name, Text Method, Text Path, class In, class Out, class... Options>
struct endpoint {
  using in = In;
  using out = Out;
  static constexpr std::string_view name = Name.view(), method = Method.view(),
                                    target = Path.view();

  static_assert(is_name(name),
                "callerapi: an endpoint's name is lower-case letters, digits and '_'");
  static_assert(is_method(method), "callerapi: a method is upper-case letters, as in \"PROPFIND\"");
  static_assert(target.starts_with('/'), "callerapi: an endpoint's path starts with '/'");
  static_assert((IsOption<Options> && ...),
                "callerapi: unknown option; expected path<>, query<>, opt<>, header<>, policy<> or "
                "an idempotency");
  static_assert(method != "GET" || std::is_same_v<In, none>, "callerapi: GET takes no body");

  template <class O>
  static constexpr bool in_hole() {
    if constexpr (IsParam<O>) return O::row.place == CAPI_PATH;
    return false;
  }
  template <class O>
  static constexpr bool placed() {
    if constexpr (IsParam<O>) return O::row.place != CAPI_PATH || has_hole(Path, O::text);
    return true;
  }
  static_assert((placed<Options>() && ...), "callerapi: path<> names no '{hole}' of the path");
  static_assert(((in_hole<Options>() ? 1u : 0u) + ... + 0u) == holes(Path),
                "callerapi: every '{hole}' of the path needs a path<> of its name");

  static constexpr std::size_t n_params = ((IsParam<Options> ? 1u : 0u) + ... + 0u);
  static constexpr std::size_t n_policy = ((IsPolicy<Options> ? 1u : 0u) + ... + 0u);

  using parameters = decltype(std::tuple_cat(
      std::conditional_t<IsParam<Options>, std::tuple<Options>, std::tuple<>>{}...));
  static constexpr auto params = [] {
    std::array<capi_param, n_params + 1> rows{};
    [[maybe_unused]] std::size_t at = 0;
    (
        [&] {
          if constexpr (IsParam<Options>) rows[at++] = Options::row;
        }(),
        ...);
    return rows;
  }();
  static_assert(
      [] {
        for (std::size_t i = 0; i < n_params; ++i)
          for (std::size_t k = 0; k < i; ++k)
            if (params[i].place == params[k].place &&
                std::string_view(params[i].name.ptr, params[i].name.len) ==
                    std::string_view(params[k].name.ptr, params[k].name.len))
              return false;
        return true;
      }(),
      "callerapi: two parameters of an endpoint share place and name");
  static constexpr auto settings = [] {
    std::array<capi_setting, n_policy + 1> rows{};
    [[maybe_unused]] std::size_t at = 0;
    (
        [&] {
          if constexpr (IsPolicy<Options>) rows[at++] = Options::row;
        }(),
        ...);
    return rows;
  }();
  static constexpr capi_idempotency repeat = [] {
    capi_idempotency value = CAPI_IDEMPOTENCY_BY_METHOD;
    (
        [&] {
          if constexpr (IsIdempotency<Options>) value = Options::value;
        }(),
        ...);
    return value;
  }();
  static constexpr std::uint64_t schema_hash = [] {
    std::uint64_t h = hash(hash(hash_begin, method), target);
    const char kinds[] = {static_cast<char>(body_of<In>()), static_cast<char>(body_of<Out>())};
    h = hash(h, {kinds, 2});
    for (std::size_t i = 0; i < n_params; ++i) {
      const char shape[] = {static_cast<char>(params[i].place), static_cast<char>(params[i].type),
                            static_cast<char>(params[i].required)};
      h = hash(hash(h, {params[i].name.ptr, params[i].name.len}), {shape, 3});
    }
    return h;
  }();

  static constexpr capi_endpoint row{.size = sizeof(capi_endpoint),
                                     .request_body = body_of<In>(),
                                     .response_body = body_of<Out>(),
                                     .idempotency = repeat,
                                     .reserved = 0,
                                     .name = {name.data(), name.size()},
                                     .method = {method.data(), method.size()},
                                     .path = {target.data(), target.size()},
                                     .params = params.data(),
                                     .n_params = n_params,
                                     .param_stride = sizeof(capi_param),
                                     .policy = settings.data(),
                                     .n_policy = n_policy,
                                     .policy_stride = sizeof(capi_setting),
                                     .schema_hash = schema_hash};
};

}  // namespace callerapi::dsl
