// The response reader against llhttp, the parser of Node.js, where Debian's node-llhttp is
// installed. llhttp is laxer than we are in many places, so only one way is held: what we accept it
// accepts too, and understands alike. By design we alone accept:
//
//   - two equal Content-Length fields, and framing fields of answers without a body (204, 304, 1xx,
//     HEAD), which llhttp 8.1 refuses or reads,
//   - framing fields in trailers, which are dropped,
//   - chunk extensions with quoted pairs or blanks, which llhttp 8.1 takes for a bad size or, after
//     the closing quote, for a missing line end,
//   - a tab behind a Content-Length, which is as good as a blank there (RFC 9110 5.6.3).
#include <llhttp.h>

#include "fuzz/responses.hpp"
#include "wire/syntax.hpp"

namespace callerapi::fuzz {
namespace {

/// The oracle refused what only it refuses; see above.
constexpr std::string_view stricter = "stricter by design";

struct Oracle {
  llhttp_t parser{};
  Verdict verdict;
  bool head_request = false;
};

Oracle& of(llhttp_t* parser) { return *static_cast<Oracle*>(parser->data); }

const llhttp_settings_t& settings() {
  static const llhttp_settings_t all = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_headers_complete = [](llhttp_t* parser) {
      Oracle& oracle = of(parser);
      oracle.verdict.status = parser->status_code;
      const int status = parser->status_code;
      return oracle.head_request || status < 200 || status == 204 || status == 304 ? 1 : 0;
    };
    s.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
      of(parser).verdict.body.append(at, size);
      return 0;
    };
    s.on_message_complete = [](llhttp_t* parser) {
      of(parser).verdict.ended = true;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return all;
}

/// Whether the oracle stopped in a chunk line, behind its size and a semicolon.
bool in_chunk_extension(std::string_view bytes, const llhttp_t& parser) {
  const std::string_view read =
      bytes.substr(0, static_cast<std::size_t>(llhttp_get_error_pos(&parser) - bytes.data()));
  const std::string_view line = read.substr(read.rfind('\n') + 1);
  const auto size_end = line.find_first_not_of("0123456789abcdefABCDEF");
  return size_end != line.npos && size_end > 0 && line.substr(size_end).find(';') != line.npos;
}

/// Whether the oracle stopped at a tab behind a Content-Length.
bool at_tab_behind_length(const llhttp_t& parser) {
  return llhttp_get_errno(&parser) == HPE_INVALID_CONTENT_LENGTH &&
         *llhttp_get_error_pos(&parser) == '\t';
}

Verdict ask_llhttp(const Script& script) {
  std::string_view rest = script.bytes;
  while (true) {
    Oracle oracle;
    oracle.head_request = script.method == "HEAD";
    llhttp_init(&oracle.parser, HTTP_RESPONSE, &settings());
    oracle.parser.data = &oracle;
    const llhttp_errno_t failed = llhttp_execute(&oracle.parser, rest.data(), rest.size());
    if (failed == HPE_OK && script.closes) llhttp_finish(&oracle.parser);
    Verdict& verdict = oracle.verdict;
    if (verdict.ended && failed != HPE_OK) {
      rest.remove_prefix(
          static_cast<std::size_t>(llhttp_get_error_pos(&oracle.parser) - rest.data()));
    } else {
      rest = {};
    }
    if (verdict.ended && verdict.status < 200) continue;
    verdict.left = rest.size();
    if (!verdict.ended) verdict.reason = llhttp_errno_name(llhttp_get_errno(&oracle.parser));
    if (failed != HPE_OK &&
        (in_chunk_extension(script.bytes, oracle.parser) || at_tab_behind_length(oracle.parser)))
      verdict.reason = stricter;
    return verdict;
  }
}

/// Fields that say how long a body is, where there is none or twice the same.
bool has_odd_framing(const Script& script, const Verdict& ours) {
  std::string lower(script.bytes);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  const auto count = [&](std::string_view name) {
    std::size_t n = 0;
    for (auto at = lower.find(name); at != lower.npos; at = lower.find(name, at + 1)) ++n;
    return n;
  };
  const std::size_t framing = count("content-length") + count("transfer-encoding");
  const bool no_body =
      script.method == "HEAD" || ours.status == 204 || ours.status == 304 || ours.status == 205;
  return framing > 1 || (no_body && framing > 0) || ours.status == 205;
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi::fuzz;
  Script script = parse_script({data, size});
  if (script.method == "CONNECT" || script.bytes.size() > 8000) return 0;
  script.limits = {};
  const Verdict ours = read_response(script, script.reads);
  if (!ours.accepted() || has_odd_framing(script, ours)) return 0;
  const Verdict theirs = ask_llhttp(script);
  if (theirs.reason == stricter) return 0;
  must_agree(theirs.accepted(), ours, theirs, "only we accept");
  must_agree(ours.status == theirs.status, ours, theirs, "status");
  must_agree(ours.body == theirs.body, ours, theirs, "body");
  must_agree(ours.left == theirs.left, ours, theirs, "length");
  return 0;
}
