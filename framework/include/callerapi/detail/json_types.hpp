#pragma once

#include <chrono>
#include <concepts>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "callerapi/json.hpp"

// How typed values become JSON and back. CALLERAPI_JSON(Type, fields...) beside a struct, in its
// namespace, is all a user writes.

namespace callerapi::json {

template <class T>
concept Described = requires(T& v) {
  callerapi_json_fields(v, [](std::string_view, auto&) {});
};
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires {
  callerapi_json_names(static_cast<T*>(nullptr));
};

/// Where decoding stands, as a JSON pointer, and what was wrong there.
struct Fault {
  std::string path, text;
  bool operator()(std::string what) {
    text = std::move(what);
    return false;
  }
};

inline std::string_view kind_name(Kind kind) noexcept {
  constexpr std::string_view names[] = {"null",     "a boolean", "a number",
                                        "a string", "an array",  "an object"};
  return names[static_cast<std::size_t>(kind)];
}
inline bool expected(Fault& fault, std::string_view what, View got) {
  return fault("expected " + std::string(what) + ", got " + std::string(kind_name(got.kind())));
}

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};

template <class T>
struct is_time : std::false_type {};
template <class D>
struct is_time<std::chrono::sys_time<D>> : std::true_type {};

/// Digits that a time of this resolution needs: none for seconds, 3 for milliseconds.
template <class D>
constexpr int fraction_digits = [] {
  int digits = 0;
  for (auto den = D::period::den; den > 1 && digits < 9; den /= 10) ++digits;
  return digits;
}();

/// The same moment in nanoseconds, whose 64 bits hold no other years; nullopt: it is of another.
template <class D>
std::optional<Time> writable(std::chrono::sys_time<D> time) {
  using namespace std::chrono;
  // About 292 years to either side of 1970. A double neither overflows nor is it exact.
  constexpr double seconds_max = 9.223e9;
  const double distance = duration<double>(time.time_since_epoch()).count();
  if (!(distance > -seconds_max && distance < seconds_max)) return std::nullopt;
  const Time moment = time;
  if (moment < sys_days(year(1678) / 1 / 1) || moment >= sys_days(year(2262) / 1 / 1))
    return std::nullopt;
  return moment;
}

template <class T>
void encode(Writer& out, const T& value);
template <class T>
bool decode(View from, T& into, Fault& fault);

template <class T>
void encode(Writer& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool> ||
                std::is_arithmetic_v<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      out.value(static_cast<double>(value));
    } else {
      out.value(value);
    }
  } else if constexpr (is_optional<T>::value) {
    value ? encode(out, *value) : void(out.null());
  } else if constexpr (is_time<T>::value) {
    if (const auto time = writable(value))
      out.value(format_time(*time, fraction_digits<typename T::duration>));
    else
      out.value(std::numeric_limits<double>::quiet_NaN());  // null, and no longer ok()
  } else if constexpr (is_vector<T>::value) {
    out.begin_array();
    for (const auto& one : value) encode(out, one);
    out.end_array();
  } else if constexpr (is_map<T>::value) {
    out.begin_object();
    for (const auto& [name, one] : value) {
      out.key(name);
      encode(out, one);
    }
    out.end_object();
  } else if constexpr (NamedEnum<T>) {
    const auto& names = callerapi_json_names(static_cast<T*>(nullptr));
    const auto at = static_cast<std::size_t>(value);
    if (at < std::size(names))
      out.value(names[at]);
    else
      out.null();
  } else {
    static_assert(Described<const T>, "this type has no CALLERAPI_JSON(Type, fields...) beside it");
    out.begin_object();
    callerapi_json_fields(value, [&](std::string_view name, const auto& field) {
      using Field = std::remove_cvref_t<decltype(field)>;
      if constexpr (is_optional<Field>::value) {
        if (!field) return;
      }
      out.key(name);
      encode(out, field);
    });
    out.end_object();
  }
}

}  // namespace callerapi::json

namespace callerapi {

template <class T>
std::string to_json(const T& value, bool& finite) {
  json::Writer out;
  json::encode(out, value);
  finite = out.ok();
  return out.take();
}
template <class T>
std::string to_json(const T& value) {
  bool finite = true;
  return to_json(value, finite);
}

/// Errors: `decode_error`; the message holds a JSON pointer (names that the payload chose
/// shortened) and at most a number of the payload, never its texts. Unknown members are ignored,
/// missing ones refused unless they are std::optional.
template <class T>
Result<T> from_json(std::string_view text) {
  auto document = json::Document::parse(text);
  if (!document) return std::move(document).error();
  T value{};
  json::Fault fault;
  if (json::decode(document->root(), value, fault)) return value;
  return Error{.outcome = Outcome::decode_error,
               .reason = "json_type",
               .message = (fault.path.empty() ? "/" : fault.path) + ": " + fault.text,
               .phase = Phase::decode};
}

}  // namespace callerapi

#include "callerapi/detail/json_decode.hpp"
#include "callerapi/detail/json_macros.hpp"
