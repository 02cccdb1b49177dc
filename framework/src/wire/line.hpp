#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace callerapi::wire {

/// UTF-8 that neither steers a terminal nor ends a line.
bool is_line(std::string_view text) noexcept;
/// What somebody else said, a plugin or a peer, as one line: at most `bytes_max` bytes of it, as
/// they are where that does no harm, else with all that is not printable ASCII escaped. "..."
/// behind it: there was more.
std::string line_of(std::string_view text, std::size_t bytes_max);

}  // namespace callerapi::wire
