#pragma once

#include <callerapi/plugin.hpp>
#include <string>

namespace problem_json {

/// Any service that answers errors as RFC 9457 has it: it declares nothing but the common endpoints
/// and says in one line what an application/problem+json holds. Any number of services may use it.
class ProblemJson {
 public:
  static constexpr std::string_view id = "problem_json", version = "1.0.0", owner = "callerapi";
  using api = callerapi::dsl::endpoints<callerapi::dsl::common>;

  /// "title: detail [type]", what is absent left out; empty for any other body.
  std::string map_error(callerapi::HookedResponse& response);
};

}  // namespace problem_json
