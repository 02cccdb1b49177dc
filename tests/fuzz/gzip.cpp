// Content codings: first line of an input is Content-Encoding, the rest the coded body. How the
// body is cut into reads changes neither what comes out nor the verdict, and nothing grows out of
// proportion.
#include <string>
#include <tuple>

#include "base/limits.hpp"
#include "fuzz/fuzz.hpp"
#include "wire/inflate.hpp"

namespace callerapi::fuzz {
namespace {

using wire::BodyDecoder;

struct Verdict {
  std::string body;
  std::string reason;  ///< Empty: whole.
};

/// How much came out before a fault depends on the cuts, and so does when growth is out of
/// proportion to what has arrived; what came out, and whether all of it is sound, does not.
bool same(const Verdict& a, const Verdict& b) {
  const auto& [shorter, longer] =
      a.body.size() < b.body.size() ? std::tie(a.body, b.body) : std::tie(b.body, a.body);
  if (!longer.starts_with(shorter)) return false;
  if (a.reason == "ratio" || b.reason == "ratio") return true;
  return a.reason == b.reason && (!a.reason.empty() || shorter.size() == longer.size());
}

/// What becomes of `coded` when it arrives in pieces of `step` bytes.
Verdict decode(const Headers& headers, std::string_view coded, std::size_t step) {
  BodyDecoder decoder;
  Verdict verdict;
  const auto refused = [&] {
    must_be_sound({.outcome = decoder.error_outcome(),
                   .reason = std::string(decoder.error_reason()),
                   .message = decoder.error_text()});
    verdict.reason = decoder.error_reason();
    return verdict;
  };
  if (!decoder.start(headers)) return refused();
  for (std::size_t at = 0; at < coded.size(); at += step) {
    decoder.give(coded.substr(at, step));
    for (auto event = decoder.next(); event != BodyDecoder::Event::need_more;
         event = decoder.next()) {
      if (event == BodyDecoder::Event::error) return refused();
      must(!decoder.piece().empty() && decoder.piece().size() <= (32u << 10), "a piece is bounded");
      verdict.body.append(decoder.piece());
      must(verdict.body.size() <= (2u << 20) + coded.size() * 128, "growth is bounded");
    }
  }
  if (!decoder.finish()) return refused();
  return verdict;
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  Input input(data, size);
  Headers headers;
  const std::string coding(input.line());
  if (!coding.empty()) headers.add("Content-Encoding", coding);
  const std::string_view coded = input.rest();
  BodyDecoder asked;
  if (asked.start(headers) && !asked.needed()) return 0;

  const Verdict whole = decode(headers, coded, coded.size() + 1);
  must(same(decode(headers, coded, 1), whole), "bytes one by one come to the same");
  must(same(decode(headers, coded, 7), whole), "bytes in sevens come to the same");
  return 0;
}
