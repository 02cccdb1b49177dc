#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "fuzz/fuzz.hpp"
#include "wire/response_reader.hpp"

namespace callerapi::fuzz {

/// One input of the reader's targets. Its first line is
///
///     method letter: G(ET) H(EAD) C(ONNECT); lower case: with limits of a few bytes
///     . the peer closes at the end, - it waits; lenient: ; and ,
///     the sizes of the reads, digit by digit, over and over
///
/// as in `G.13`; all bytes behind that line are the response.
struct Script {
  std::string_view method;
  wire::ReaderLimits limits;
  bool closes = false;
  std::string_view reads;
  std::string_view bytes;
};

Script parse_script(Input input);

/// What came of reading a response.
struct Verdict {
  Outcome outcome = Outcome::ok;
  std::string reason;
  bool ended = false;
  int status = 0;
  std::string body, fields, trailers;
  bool keep_alive = false;
  std::size_t left = 0;  ///< Bytes behind the message.

  bool operator==(const Verdict&) const = default;
  bool accepted() const { return ended && outcome == Outcome::ok; }
};

/// Hands `script.bytes` to a reader in reads of the given sizes (digits; empty: all at once) and
/// checks what must hold after every event.
Verdict read_response(const Script& script, std::string_view reads);

/// How a difference between two readers is shown before the program ends.
void must_agree(bool agree, const Verdict& ours, const Verdict& theirs, std::string_view why);

}  // namespace callerapi::fuzz
