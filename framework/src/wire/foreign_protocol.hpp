#pragma once

#include <string_view>

namespace callerapi::wire {

/// What a peer that speaks something else speaks: said aloud, it saves an hour. Nothing while the
/// first bytes fit none of these; `more` while they could still become one.
struct Foreign {
  std::string_view what;
  bool more = false;
};

Foreign foreign_protocol(std::string_view begin) noexcept;

}  // namespace callerapi::wire
