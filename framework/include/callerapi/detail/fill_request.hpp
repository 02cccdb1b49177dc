#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "callerapi/dsl/endpoint.hpp"
#include "callerapi/json.hpp"
#include "callerapi/request.hpp"

namespace callerapi {

/// An optional parameter by its name: with<"limit">(10).
template <dsl::Text Name, class T>
struct With {
  static constexpr std::string_view name = Name.view();
  T value;
};
template <dsl::Text Name, class T>
With<Name, T> with(T value) {
  return {std::move(value)};
}

namespace detail {

inline std::string text_of(std::string_view value) { return std::string(value); }
/// Taken by no conversion: a pointer would convert to bool sooner than to text.
template <std::same_as<bool> B>
std::string text_of(B value) {
  return value ? "true" : "false";
}
/// The shortest text that reads back as the same number.
template <class T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) std::string text_of(T value) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

inline void place(Request& request, const capi_param& param, std::string value) {
  std::string name(param.name.ptr, param.name.len);
  if (param.place == CAPI_PATH || param.place == CAPI_LOCATION)
    request.path_values.emplace_back(std::move(name), std::move(value));
  else if (param.place == CAPI_QUERY)
    request.query_values.emplace_back(std::move(name), std::move(value));
  else
    request.headers.add(name, value);
}

template <class T>
struct is_with : std::false_type {};
template <dsl::Text Name, class T>
struct is_with<With<Name, T>> : std::true_type {};
/// Arguments that stand for themselves; the others count by position.
template <class T>
inline constexpr bool is_named = is_with<T>::value || std::is_same_v<T, Request>;

template <class E>
constexpr std::size_t required_count() {
  std::size_t count = 0;
  for (std::size_t i = 0; i < E::n_params; ++i) count += E::params[i].required;
  return count;
}
/// Where in the endpoint's parameters the nth required one stands.
template <class E>
constexpr std::size_t required_at(std::size_t nth) {
  for (std::size_t i = 0; i < E::n_params; ++i)
    if (E::params[i].required && nth-- == 0) return i;
  return E::n_params;
}
template <class E>
constexpr std::size_t optional_at(std::string_view name) {
  for (std::size_t i = 0; i < E::n_params; ++i)
    if (!E::params[i].required &&
        std::string_view(E::params[i].name.ptr, E::params[i].name.len) == name)
      return i;
  return E::n_params;
}

/// Numbers and flags are taken strictly; text takes whatever has a text.
template <class Declared, class Given>
constexpr bool param_takes() {
  constexpr bool flag = std::is_same_v<Given, bool>;
  if constexpr (std::is_same_v<Declared, bool>) return flag;
  if constexpr (std::is_integral_v<Declared>) return std::is_integral_v<Given> && !flag;
  if constexpr (std::is_floating_point_v<Declared>) return std::is_arithmetic_v<Given> && !flag;
  return std::is_convertible_v<const Given&, std::string_view> || std::is_arithmetic_v<Given>;
}

/// What a caller gives for a declared request body.
template <class In>
struct body_argument {
  using type = In;
};
template <>
struct body_argument<dsl::form> {
  using type = Request::Pairs;
};
template <>
struct body_argument<dsl::multipart> {
  using type = Multipart;
};
template <>
struct body_argument<dsl::bytes> {
  using type = Body;
};

/// Makes the request of a typed call from its arguments: required parameters in the order of their
/// declaration, then the body; with<>() and a Request that brings limits and headers anywhere.
template <class E, class... Args>
class Filler {
  static constexpr std::size_t required = required_count<E>();
  static constexpr bool has_body = !std::is_same_v<typename E::in, dsl::none>;
  static constexpr std::size_t positional =
      ((is_named<std::remove_cvref_t<Args>> ? 0u : 1u) + ... + 0u);
  static constexpr bool has_request = (std::is_same_v<std::remove_cvref_t<Args>, Request> || ...);
  static constexpr bool complete =
      positional == required + has_body || (positional == required && has_request);
  static_assert(complete,
                "callerapi: give every required parameter of this endpoint, in the order of its "
                "declaration, and then its body");

  /// How many positional arguments stand before the kth.
  static constexpr std::size_t rank(std::size_t k) {
    constexpr std::array<bool, sizeof...(Args) + 1> named{is_named<std::remove_cvref_t<Args>>...};
    std::size_t before = 0;
    for (std::size_t i = 0; i < k; ++i) before += named[i] ? 0 : 1;
    return before;
  }

 public:
  static Request fill(Args&&... args) {
    static_assert(
        ((!std::is_same_v<std::remove_cvref_t<Args>, Request> ||
          std::is_same_v<Args, Request>)&&...),
        "callerapi: a Request is used up by its call; give it as a temporary, or std::move it");
    Request request;
    (begin(request, args), ...);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      (take<rank(K)>(request, std::forward<Args>(args)), ...);
    }
    (std::make_index_sequence<sizeof...(Args)>());
    return request;
  }

 private:
  template <class Arg>
  static void begin(Request& request, Arg& arg) {
    if constexpr (std::is_same_v<Arg, Request>) request = std::move(arg);
  }

  template <std::size_t Rank, class Arg>
  static void take(Request& request, Arg&& arg) {
    using Given = std::remove_cvref_t<Arg>;
    if constexpr (is_with<Given>::value) {
      constexpr std::size_t at = optional_at<E>(Given::name);
      static_assert(at < E::n_params,
                    "callerapi: with<> names no optional parameter of this endpoint");
      if constexpr (at < E::n_params) put<at>(request, arg.value);
    } else if constexpr (!is_named<Given> && Rank < required) {
      put<required_at<E>(Rank)>(request, arg);
    } else if constexpr (!is_named<Given> && complete) {
      constexpr bool fits = std::is_same_v<Given, typename body_argument<typename E::in>::type>;
      static_assert(fits, "callerapi: this is not the body that the endpoint declares");
      if constexpr (!fits)
        return;
      else if constexpr (std::is_same_v<Given, Request::Pairs>)
        request.payload = Request::Form{std::forward<Arg>(arg)};
      else if constexpr (std::is_same_v<Given, Multipart> || std::is_same_v<Given, Body>)
        request.payload = std::forward<Arg>(arg);
      else
        static_cast<void>(std::move(request).json(arg));
    }
  }

  template <std::size_t At, class Given>
  static void put(Request& request, const Given& given) {
    using Declared = typename std::tuple_element_t<At, typename E::parameters>::type;
    constexpr bool fits = param_takes<Declared, std::decay_t<Given>>();
    static_assert(fits, "callerapi: this argument does not fit the type of its parameter");
    if constexpr (fits) place(request, E::params[At], text_of(given));
  }
};

}  // namespace detail
}  // namespace callerapi
