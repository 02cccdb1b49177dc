#pragma once

#include "callerapi/detail/json_types.hpp"

namespace callerapi::json {

/// RFC 6901: '~' and '/' of a name are escaped.
inline void step_into(Fault& fault, std::string_view step) {
  fault.path += '/';
  for (const char c : step) {
    if (c == '~')
      fault.path += "~0";
    else if (c == '/')
      fault.path += "~1";
    else
      fault.path += c;
  }
}

/// The step for a name that the payload chose: at most 64 bytes of it, and what is no printable
/// ASCII as \xNN, so that a peer writes no lines of its own into an error.
inline std::string step_of_key(std::string_view key) {
  constexpr std::size_t shown_max = 64;
  constexpr char digits[] = "0123456789abcdef";
  std::string shown;
  for (const char c : key.substr(0, shown_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f)
      shown += c;
    else
      shown.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  if (key.size() > shown_max) shown += "...";
  Fault step;
  step_into(step, shown);
  return std::move(step.path);
}

template <class T>
bool decode_at(View from, T& into, Fault& fault, std::string_view step) {
  const std::size_t size = fault.path.size();
  step_into(fault, step);
  const bool ok = decode(from, into, fault);
  if (ok) fault.path.resize(size);
  return ok;
}

template <class T>
bool decode_integer(View from, T& into, Fault& fault) {
  if (const auto large = from.natural(); large && std::in_range<T>(*large))
    return into = static_cast<T>(*large), true;
  const auto number = from.integer();
  if (!number) return expected(fault, "a whole number", from);
  if (!std::in_range<T>(*number))
    return fault("the number " + std::to_string(*number) + " does not fit its type");
  into = static_cast<T>(*number);
  return true;
}

template <class T>
bool decode_members(View from, T& into, Fault& fault) {
  if (from.kind() != Kind::object) return expected(fault, "an object", from);
  bool ok = true;
  callerapi_json_fields(into, [&](std::string_view name, auto& field) {
    if (!ok) return;
    const View found = from.find(name);
    using Field = std::remove_cvref_t<decltype(field)>;
    if (found) {
      ok = decode_at(found, field, fault, name);
    } else if constexpr (!is_optional<Field>::value) {
      step_into(fault, name);
      ok = fault("is required, but missing");
    }
  });
  return ok;
}

template <class T>
bool decode(View from, T& into, Fault& fault) {
  if constexpr (std::is_same_v<T, std::string>) {
    const auto text = from.string();
    if (!text) return expected(fault, "a string", from);
    into = *text;
  } else if constexpr (std::is_same_v<T, bool>) {
    const auto flag = from.boolean();
    if (!flag) return expected(fault, "a boolean", from);
    into = *flag;
  } else if constexpr (std::is_floating_point_v<T>) {
    const auto number = from.number();
    if (!number) return expected(fault, "a number", from);
    constexpr T most = std::numeric_limits<T>::max();
    if (*number > most || *number < -most)
      return fault("the number " + Writer().value(*number).text() + " does not fit its type");
    into = static_cast<T>(*number);
  } else if constexpr (std::is_integral_v<T>) {
    return decode_integer(from, into, fault);
  } else if constexpr (is_optional<T>::value) {
    if (from.kind() == Kind::null) return into.reset(), true;
    return decode(from, into.emplace(), fault);
  } else if constexpr (is_time<T>::value) {
    const auto text = from.string();
    if (!text) return expected(fault, "a time as a string", from);
    const auto time = parse_time(*text);
    if (!time)
      return fault(
          "expected a time such as \"2026-11-24T13:42:40Z\" (RFC 3339) of the years 1678 to 2261");
    into = std::chrono::floor<typename T::duration>(*time);
  } else if constexpr (is_vector<T>::value) {
    if (from.kind() != Kind::array) return expected(fault, "an array", from);
    // One by one: an element may be a hundred times as large as its text, and the first be wrong.
    into.clear();
    for (std::size_t i = 0; i < from.size(); ++i)
      if (!decode_at(from.at(i), into.emplace_back(), fault, std::to_string(i))) return false;
  } else if constexpr (is_map<T>::value) {
    if (from.kind() != Kind::object) return expected(fault, "an object", from);
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t size = fault.path.size();
      if (decode(from.at(i), into[std::string(from.key(i))], fault)) continue;
      fault.path.insert(size, step_of_key(from.key(i)));
      return false;
    }
  } else if constexpr (NamedEnum<T>) {
    const auto& names = callerapi_json_names(static_cast<T*>(nullptr));
    for (std::size_t i = 0; i < std::size(names); ++i)
      if (from.string() == names[i]) return into = static_cast<T>(i), true;
    return fault("is none of the declared names");
  } else {
    static_assert(Described<T>, "this type has no CALLERAPI_JSON(Type, fields...) beside it");
    return decode_members(from, into, fault);
  }
  return true;
}

}  // namespace callerapi::json
