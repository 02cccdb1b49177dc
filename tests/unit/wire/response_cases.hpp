#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "callerapi/outcome.hpp"

namespace callerapi::wire {

/// What becomes of the bytes of one case. `open` means that the reader still waits.
struct Verdict {
  Outcome outcome = Outcome::ok;
  std::string reason;
  int status = 200;
  std::string body;
  bool keep_alive = true;
  std::string left;  ///< Bytes behind the message.
  bool open = false;

  bool operator==(const Verdict&) const = default;
};

/// One response as a peer sends it; `fin`: the peer then closes its side.
struct Case {
  const char* label;
  std::string bytes;
  Verdict want;
  bool fin = false;
  const char* method = "GET";
  bool lenient = false;  ///< Bare LF and obs-fold are switched on.
};

std::vector<Case> accepted_cases();
std::vector<Case> refused_cases();
/// What the two switches let pass, and what they do not.
std::vector<Case> lenient_cases();

}  // namespace callerapi::wire
