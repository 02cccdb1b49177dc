#pragma once

#include <string>
#include <string_view>

namespace callerapi::base {

/// The text as the UTF-8 decoder of the Encoding standard leaves it: for each part that is none, as
/// much as could still have been right, U+FFFD.
std::string as_utf8(std::string_view text);

}  // namespace callerapi::base
