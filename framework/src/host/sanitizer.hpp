#pragma once

#include <string_view>

// Which sanitizer this build has: a plugin may bring the same one and no other.
#if defined(__SANITIZE_ADDRESS__)
#define CALLERAPI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CALLERAPI_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CALLERAPI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CALLERAPI_TSAN 1
#endif
#endif
#ifndef CALLERAPI_ASAN
#define CALLERAPI_ASAN 0
#endif
#ifndef CALLERAPI_TSAN
#define CALLERAPI_TSAN 0
#endif

namespace callerapi::host {

inline constexpr bool sanitized = CALLERAPI_ASAN || CALLERAPI_TSAN;

/// Is `library`, a sanitizer's runtime, that of this build?
constexpr bool same_sanitizer(std::string_view library) noexcept {
  if (library.starts_with("libtsan.")) return CALLERAPI_TSAN;
  return sanitized;  // address and undefined come together; clang's have one name for all
}
/// A sanitizer puts symbols of its own into what it instruments.
constexpr bool sanitizer_symbol(std::string_view symbol) noexcept {
  return sanitized && (symbol.starts_with("__asan") || symbol.starts_with("__odr_asan") ||
                       symbol.starts_with("__tsan") || symbol.starts_with("__ubsan"));
}

}  // namespace callerapi::host
