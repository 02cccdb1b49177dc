#pragma once

#include <span>
#include <string>
#include <string_view>

namespace callerapi::base {

/// The name somebody probably meant: the one fewest edits (insert, drop, replace, swap) away from
/// `wrong`, if that is at most a third of its length and at most 3; else empty. Pure.
std::string nearest(std::string_view wrong, std::span<const std::string> names);

/// "; did you mean 'x'?" when something is near; else "; known are a, b, c" with at most 12 names;
/// empty when there are no names. For the end of an error text.
std::string suggestion(std::string_view wrong, std::span<const std::string> names);

}  // namespace callerapi::base
