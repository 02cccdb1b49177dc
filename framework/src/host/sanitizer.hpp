#pragma once

#include <string_view>

#include "base/sanitizer.hpp"

// A plugin may bring the sanitizer of this build and no other.
namespace callerapi::host {

using base::sanitized;

/// Is `library`, a sanitizer's runtime, that of this build?
constexpr bool same_sanitizer(std::string_view library) noexcept {
  if (library.starts_with("libtsan.")) return base::thread_sanitized;
  return sanitized;  // address and undefined come together; clang's have one name for all
}
/// A sanitizer puts symbols of its own into what it instruments.
constexpr bool sanitizer_symbol(std::string_view symbol) noexcept {
  return sanitized && (symbol.starts_with("__asan") || symbol.starts_with("__odr_asan") ||
                       symbol.starts_with("__tsan") || symbol.starts_with("__ubsan"));
}

}  // namespace callerapi::host
