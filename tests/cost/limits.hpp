#pragma once

#include <cstdint>
#include <string>

namespace callerapi::cost {

/// Fails the test when `count` in all, for each of `of`, is more than limits.txt allows for `row`
/// ("case thread what") and `slack`. Prints what it was.
void judge(const std::string& row, std::uint64_t count, std::uint64_t of, double slack);

}  // namespace callerapi::cost
