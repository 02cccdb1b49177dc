#pragma once

#include <string_view>

// CALLERAPI_JSON(Invoice, id, total): members by their own names, at most 27.
#define CALLERAPI_JSON(Type, ...)                              \
  template <class F>                                           \
  constexpr void callerapi_json_fields(Type& v, F&& f) {       \
    CALLERAPI_JSON_EACH(CALLERAPI_JSON_FIELD, __VA_ARGS__)     \
  }                                                            \
  template <class F>                                           \
  constexpr void callerapi_json_fields(const Type& v, F&& f) { \
    CALLERAPI_JSON_EACH(CALLERAPI_JSON_FIELD, __VA_ARGS__)     \
  }
// CALLERAPI_JSON_ENUM(Color, red, green): enumerators in order from 0, as strings.
#define CALLERAPI_JSON_ENUM(Type, ...)                          \
  inline const auto& callerapi_json_names(Type*) {              \
    static constexpr std::string_view names[] = {               \
        CALLERAPI_JSON_EACH(CALLERAPI_JSON_NAME, __VA_ARGS__)}; \
    return names;                                               \
  }

// Applies a macro to each of up to 27 arguments, by rescanning.
#define CALLERAPI_JSON_FIELD(x) f(std::string_view(#x), v.x);
#define CALLERAPI_JSON_NAME(x) #x,
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
