#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "callerapi/body.hpp"

namespace callerapi::wire {

/// `text` as one gzip member. The same text gives the same bytes.
std::string gzip(std::string_view text);

/// Reads `inner` as it is sent and gives it as one gzip member of unknown length; rewinds where
/// `inner` does. Errors: those of `inner`, and body_source_error where it breaks its own length.
std::unique_ptr<BodySource> make_gzip(std::shared_ptr<BodySource> inner);

}  // namespace callerapi::wire
