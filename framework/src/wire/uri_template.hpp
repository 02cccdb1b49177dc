#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"

namespace callerapi::wire {

/// An RFC 6570 template of level 3, but for fragments, compiled once:
/// `/v1/{owner}/items/{id}{?limit,cursor}`.
/// Immutable; thread-safe.
class UriTemplate {
 public:
  using Lookup = std::function<std::optional<std::string_view>(std::string_view name)>;

  /// Errors: `invalid_argument`, reason `template`.
  static Result<UriTemplate> compile(std::string_view text);

  /// Appends the expansion. Values in the path are held to faults 2.A: no dot segments, not empty,
  /// UTF-8, no control bytes; a value that is missing from the path is an error, one that is
  /// missing from `{?}` and `{&}` is left out.
  Result<void> expand(std::string& out, const Lookup& lookup) const;
  /// Every name, in order of appearance.
  std::span<const std::string> names() const noexcept { return names_; }

 private:
  struct Part {
    std::string literal;  ///< Or, when names_count > 0, an expression:
    char op = 0;          ///< 0 + # . / ; ? &
    std::size_t names_at = 0, names_count = 0;
  };
  Result<void> add_expression(std::string_view inner, std::string_view whole);
  Result<void> expand_part(std::string& out, const Part& part, const Lookup& lookup) const;

  std::vector<Part> parts_;
  std::vector<std::string> names_;
};

}  // namespace callerapi::wire
