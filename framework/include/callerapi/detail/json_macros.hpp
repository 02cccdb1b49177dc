#pragma once

#include <string_view>

// CALLERAPI_JSON(Invoice, id, (total, "grand-total")): members by their own names, or by that of
// the wire where it differs; at most 27.
#define CALLERAPI_JSON(Type, ...)                              \
  template <class F>                                           \
  constexpr void callerapi_json_fields(Type& v, F&& f) {       \
    CALLERAPI_JSON_EACH(CALLERAPI_JSON_FIELD, __VA_ARGS__)     \
  }                                                            \
  template <class F>                                           \
  constexpr void callerapi_json_fields(const Type& v, F&& f) { \
    CALLERAPI_JSON_EACH(CALLERAPI_JSON_FIELD, __VA_ARGS__)     \
  }
// CALLERAPI_JSON_ENUM(Color, red, (green, "GREEN")): enumerators in order from 0, as strings.
#define CALLERAPI_JSON_ENUM(Type, ...)                          \
  inline const auto& callerapi_json_names(Type*) {              \
    static constexpr std::string_view names[] = {               \
        CALLERAPI_JSON_EACH(CALLERAPI_JSON_NAME, __VA_ARGS__)}; \
    return names;                                               \
  }

// Applies a macro to each of up to 27 arguments, by rescanning.
#define CALLERAPI_JSON_FIELD(x) CALLERAPI_JSON_PICK(CALLERAPI_JSON_FIELD_, x)
#define CALLERAPI_JSON_FIELD_0(x) f(std::string_view(#x), v.x);
#define CALLERAPI_JSON_FIELD_1(x) CALLERAPI_JSON_FIELD_AS x
#define CALLERAPI_JSON_FIELD_AS(member, wire) f(std::string_view(wire), v.member);
#define CALLERAPI_JSON_NAME(x) CALLERAPI_JSON_PICK(CALLERAPI_JSON_NAME_, x)
#define CALLERAPI_JSON_NAME_0(x) #x,
#define CALLERAPI_JSON_NAME_1(x) CALLERAPI_JSON_NAME_AS x
#define CALLERAPI_JSON_NAME_AS(enumerator, wire) wire,
// Appends 1 to the macro's name when x stands in parentheses, else 0.
#define CALLERAPI_JSON_PICK(m, x) CALLERAPI_JSON_CAT(m, CALLERAPI_JSON_IS_PAIR(x))(x)
#define CALLERAPI_JSON_CAT(a, b) CALLERAPI_JSON_CAT_NOW(a, b)
#define CALLERAPI_JSON_CAT_NOW(a, b) a##b
#define CALLERAPI_JSON_IS_PAIR(x) CALLERAPI_JSON_SECOND(CALLERAPI_JSON_PROBE x, 0, 0)
#define CALLERAPI_JSON_PROBE(...) 0, 1
#define CALLERAPI_JSON_SECOND(...) CALLERAPI_JSON_SECOND_NOW(__VA_ARGS__)
#define CALLERAPI_JSON_SECOND_NOW(a, b, ...) b
#define CALLERAPI_JSON_EACH(m, ...) \
  __VA_OPT__(CALLERAPI_JSON_EXPAND(CALLERAPI_JSON_STEP(m, __VA_ARGS__)))
#define CALLERAPI_JSON_STEP(m, a, ...) \
  m(a) __VA_OPT__(CALLERAPI_JSON_AGAIN CALLERAPI_JSON_PARENS(m, __VA_ARGS__))
#define CALLERAPI_JSON_AGAIN() CALLERAPI_JSON_STEP
#define CALLERAPI_JSON_PARENS ()
#define CALLERAPI_JSON_EXPAND(...) \
  CALLERAPI_JSON_X3(CALLERAPI_JSON_X3(CALLERAPI_JSON_X3(__VA_ARGS__)))
#define CALLERAPI_JSON_X3(...) CALLERAPI_JSON_X2(CALLERAPI_JSON_X2(CALLERAPI_JSON_X2(__VA_ARGS__)))
#define CALLERAPI_JSON_X2(...) CALLERAPI_JSON_X1(CALLERAPI_JSON_X1(CALLERAPI_JSON_X1(__VA_ARGS__)))
#define CALLERAPI_JSON_X1(...) __VA_ARGS__
