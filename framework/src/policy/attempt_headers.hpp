#pragma once

#include "policy/prepared.hpp"

namespace callerapi::policy {

/// One attempt as its fields tell of it.
struct AttemptFacts {
  int number = 1;
  TimePoint began{}, ends{};
  std::uint64_t span = 0;  ///< Not 0 where the call belongs to a trace.
};

/// Has the call brought one of the fields that set_attempt_headers() would put others in place of?
bool has_attempt_headers(const Headers& headers, const HeaderNames& names) noexcept;

/// Sets the fields that differ from attempt to attempt (semantics S15).
void set_attempt_headers(Headers& headers, const Prepared& call, const AttemptFacts& attempt,
                         wire::Loop& loop);

}  // namespace callerapi::policy
