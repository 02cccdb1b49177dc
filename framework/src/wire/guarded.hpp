#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/body.hpp"

namespace callerapi::wire {

/// A source of somebody else's that may throw: what it throws comes out as `body_source_error`, and
/// a rewind or a length that it could not tell as none. Never null.
std::shared_ptr<BodySource> make_guarded(std::shared_ptr<BodySource> inner);

/// Hands a piece to a sink of somebody else's: why it takes no more, or what it threw; nothing: it
/// took the piece.
std::optional<std::string> refused_by(BodySink& sink, std::string_view piece);

}  // namespace callerapi::wire
