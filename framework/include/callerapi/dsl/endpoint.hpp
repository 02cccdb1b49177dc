#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "callerapi/dsl/parts.hpp"

namespace callerapi::dsl {

/// One operation. Users write the verbs below.
template <Text Name, Text Method, Text Path, class In, class Out, class... Options>
struct endpoint {
  using in = In;
  using out = Out;
  static constexpr std::string_view name = Name.view(), method = Method.view(),
                                    target = Path.view();

  /// Is it a location, and the path its hole alone?
  template <class O>
  static constexpr bool is_alone() {
    if constexpr (is_location<O>())
      return target.size() == O::name.size() + 2 && has_hole(Path, O::text);
    return false;
  }
  static_assert(is_name(name),
                "callerapi: an endpoint's name is lower-case letters, digits and '_'");
  static_assert(is_method(method), "callerapi: a method is upper-case letters, as in \"PROPFIND\"");
  static_assert(
      target.starts_with('/') || (is_alone<Options>() || ...),
      "callerapi: an endpoint's path starts with '/', or is the '{name}' of a location<>");
  static_assert((IsOption<Options> && ...),
                "callerapi: unknown option; expected path<>, query<>, opt<>, header<>, policy<> or "
                "an idempotency");
  static_assert((!is_location<Options>() && ...) || (is_alone<Options>() || ...),
                "callerapi: a location<> is the whole path: \"{name}\"");
  static_assert(method != "GET" || std::is_same_v<In, none>, "callerapi: GET takes no body");

  template <class O>
  static constexpr bool in_hole() {
    if constexpr (IsParam<O>) return O::row.place == CAPI_PATH || is_location<O>();
    return false;
  }
  template <class O>
  static constexpr bool placed() {
    if constexpr (IsParam<O>) return !in_hole<O>() || has_hole(Path, O::text);
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
