#pragma once

#include <callerapi/plugin.hpp>

namespace http {

/// A service nobody has written a plugin for: the common endpoints; `request` does the rest. Any
/// number of services may use it.
struct Http {
  static constexpr std::string_view id = "http", version = "1.0.0", owner = "callerapi";
  using api = callerapi::dsl::endpoints<callerapi::dsl::common>;
};

}  // namespace http
