// The response reader against Boost.Beast's parser, which has another author: what both accept they
// must understand alike, and neither may accept alone. Where Beast 1.81 is laxer than our rules, a
// guard below refuses for it (faults 6). Alone, by design, we accept:
//
//   - a status line that ends behind its three digits,
//   - Connection and Proxy-Connection fields that are no list of tokens,
//   - framing fields in trailers (dropped) and in interim answers (without meaning there).
//
// 205 is left out: we await no body, Beast one that ends with the connection. Beast's assertions
// are off: one of them ends the program on a well-formed response.
#define BOOST_DISABLE_ASSERTS
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "fuzz/responses.hpp"

namespace callerapi::fuzz {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::iequals;
using boost::beast::string_view;

constexpr wire::ReaderLimits limits;

class Oracle final : public http::basic_parser<false> {
 public:
  explicit Oracle(std::string_view bytes) : bytes_(bytes) {
    eager(true);
    header_limit(1u << 20);
    body_limit(boost::none);
  }

  Verdict verdict;
  bool in_trailers = false;
  bool close = false, keep = false, old = false;

 private:
  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view, int version, error_code& failed) override {
    verdict.status = code;
    old = version == 10;
    if (code < 100 || code == 101) refuse(failed);
  }

  void on_field_impl(http::field field, string_view name, string_view value,
                     error_code& failed) override {
    if (is_folded(name, value) || ++fields_ > limits.fields) return refuse(failed);
    if (in_trailers) return;
    verdict.fields.append(name.data(), name.size()).append(1, ':');
    verdict.fields.append(value.data(), value.size()).append(1, '\n');
    if (field == http::field::connection) {
      for (const auto option : http::opt_token_list(value)) {
        close = close || iequals(option, "close");
        keep = keep || iequals(option, "keep-alive");
      }
    } else if (field == http::field::transfer_encoding) {
      if (std::exchange(coded_, true) || !iequals(value, "chunked") || old) refuse(failed);
    } else if (field == http::field::content_length) {
      if (value.find_first_not_of("0123456789") != string_view::npos ||
          content_length_remaining().value_or(0) > static_cast<std::uint64_t>(INT64_MAX))
        refuse(failed);
    }
  }

  void on_header_impl(error_code&) override { fields_ = 0; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view piece, error_code&) override { return take(piece); }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override {
    return take(piece);
  }
  void on_chunk_header_impl(std::uint64_t size, string_view extensions,
                            error_code& failed) override {
    in_trailers = size == 0;
    std::size_t digits = 0;
    while (std::isxdigit(static_cast<unsigned char>(*(extensions.data() - digits - 1))) != 0)
      ++digits;
    const std::size_t line = digits + extensions.size() + 2;
    overhead_ += line;
    if (digits > 16 || size > static_cast<std::uint64_t>(INT64_MAX) ||
        line > limits.chunk_line_bytes || !wire_text({extensions.data(), extensions.size()}) ||
        overhead_ >
            limits.chunk_overhead_bytes + limits.chunk_overhead_factor * verdict.body.size())
      refuse(failed);
  }
  void on_finish_impl(error_code&) override {}

  static void refuse(error_code& failed) { failed = http::error::bad_field; }
  static bool wire_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte >= 0x20 || byte == '\t') && byte != 0x7f;
    });
  }
  std::size_t take(string_view piece) {
    verdict.body.append(piece.data(), piece.size());
    return piece.size();
  }
  /// Beast unfolds: then the value lies elsewhere, or not right behind its name.
  bool is_folded(string_view name, string_view value) const {
    const char* behind = name.data() + name.size() + 1;
    if (value.data() < behind || value.data() > bytes_.data() + bytes_.size()) return true;
    const std::string_view gap(behind, static_cast<std::size_t>(value.data() - behind));
    if (gap.find_first_not_of(" \t") != gap.npos) return true;
    std::string_view after =
        bytes_.substr(static_cast<std::size_t>(value.data() + value.size() - bytes_.data()));
    after.remove_prefix(std::min(after.find('\n'), after.size()));
    return after.size() > 1 && (after[1] == ' ' || after[1] == '\t');
  }

  std::string_view bytes_;
  std::size_t fields_ = 0;
  std::uint64_t overhead_ = 0;
  bool coded_ = false;
};

/// What Beast made of the bytes, and whether we may be alone in accepting them.
struct Answer {
  Verdict verdict;
  bool excused = false;
};

bool is_framing_error(const error_code& failed) {
  return failed == http::error::bad_content_length ||
         failed == http::error::multiple_content_length ||
         failed == http::error::bad_transfer_encoding || failed == http::error::bad_value ||
         failed == http::error::bad_field;
}

bool mentions_connection(std::string_view head) {
  std::string lower(head);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return lower.find("connection") != lower.npos;
}

bool is_excused(const Oracle& oracle, std::string_view message, const error_code& failed) {
  if (failed == http::error::bad_status) return message.size() > 12 && message[12] == '\r';
  if (failed == http::error::bad_value && mentions_connection(message)) return true;
  const bool interim = oracle.verdict.status >= 100 && oracle.verdict.status < 200;
  return (interim || oracle.in_trailers) && is_framing_error(failed);
}

Answer ask_beast(const Script& script) {
  std::string_view rest = script.bytes;
  for (std::size_t interim = 0; interim <= limits.interim; ++interim) {
    const std::string_view message = rest;
    Oracle oracle(message);
    oracle.skip(script.method == "HEAD");
    error_code failed;
    while (!oracle.is_done() && !rest.empty()) {
      const std::size_t taken = oracle.put(boost::asio::buffer(rest.data(), rest.size()), failed);
      rest.remove_prefix(taken);
      if (failed == http::error::need_more && taken > 0) failed = {};
      if (failed) break;
    }
    if ((!failed || failed == http::error::need_more) && !oracle.is_done() && script.closes &&
        !message.empty()) {
      failed = {};
      oracle.put_eof(failed);
    }
    const bool done = !failed && oracle.is_done();
    if (done && oracle.verdict.status < 200) continue;
    Answer answer{oracle.verdict, failed && is_excused(oracle, message, failed)};
    answer.verdict.ended = done;
    answer.verdict.left = rest.size();
    answer.verdict.keep_alive = !oracle.close && (!oracle.old || oracle.keep) && !oracle.need_eof();
    if (!done) answer.verdict.reason = failed.message();
    return answer;
  }
  return {};
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi::fuzz;
  Script script = parse_script({data, size});
  if (script.method == "CONNECT" || script.bytes.size() > 8000) return 0;
  script.limits = {};
  Verdict ours = read_response(script, script.reads);
  if (ours.status == 205) return 0;
  const auto [theirs, excused] = ask_beast(script);
  if (!ours.accepted() && !theirs.accepted()) return 0;
  must_agree(ours.accepted() || !theirs.accepted(), ours, theirs, "only Beast accepts");
  if (!theirs.accepted()) {
    must_agree(excused, ours, theirs, "only we accept");
    return 0;
  }
  must_agree(ours.status == theirs.status, ours, theirs, "status");
  must_agree(ours.body == theirs.body, ours, theirs, "body");
  must_agree(ours.left == theirs.left, ours, theirs, "length");
  must_agree(ours.fields == theirs.fields, ours, theirs, "fields");
  must_agree(!ours.keep_alive || theirs.keep_alive, ours, theirs, "keep-alive");
  return 0;
}
