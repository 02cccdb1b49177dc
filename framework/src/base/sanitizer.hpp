#pragma once

// Which sanitizer this build has.
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

namespace callerapi::base {

inline constexpr bool address_sanitized = CALLERAPI_ASAN, thread_sanitized = CALLERAPI_TSAN;
inline constexpr bool sanitized = address_sanitized || thread_sanitized;

}  // namespace callerapi::base
