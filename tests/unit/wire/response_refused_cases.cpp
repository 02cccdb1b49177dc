#include <string>

#include "unit/wire/response_cases.hpp"

namespace callerapi::wire {
namespace {

using namespace std::string_literals;

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

Verdict refused(Outcome outcome, std::string reason, int status, std::string body = {}) {
  return {outcome, std::move(reason), status, std::move(body), false, {}, false};
}
Verdict protocol(std::string reason, int status = 200, std::string body = {}) {
  return refused(Outcome::protocol_error, std::move(reason), status, std::move(body));
}
Verdict truncated(std::string reason, int status = 200, std::string body = {}) {
  return refused(Outcome::response_truncated, std::move(reason), status, std::move(body));
}
Verdict too_large(std::string reason, int status = 200, std::string body = {}) {
  return refused(Outcome::response_too_large, std::move(reason), status, std::move(body));
}

std::vector<Case> status_line_cases() {
  const Verdict want = protocol("status_line", 0);
  return {
      {"not_http", "hello, world\r\n\r\n", want},
      {"first_byte_wrong", "X", want},
      {"empty_line_first", "\r\nHTTP/1.1 200 OK\r\n\r\n", want},
      {"lower_case_http", "http/1.1 200 OK\r\n\r\n", want},
      {"http_0_9", "<html>", want},
      {"http_2", "HTTP/2 200 OK\r\n\r\n", want},
      {"http_1_2", "HTTP/1.2 200 OK\r\n\r\n", want},
      {"http_1_10", "HTTP/1.10 200 OK\r\n\r\n", want},
      {"http_2_0", "HTTP/2.0 200 OK\r\n\r\n", want},
      {"icy", "ICY 200 OK\r\n\r\n", want},
      {"status_of_two_digits", "HTTP/1.1 20 OK\r\n\r\n", want},
      {"status_of_four_digits", "HTTP/1.1 2000 OK\r\n\r\n", want},
      {"status_below_100", "HTTP/1.1 099 OK\r\n\r\n", want},
      {"status_000", "HTTP/1.1 000 OK\r\n\r\n", want},
      {"status_of_letters", "HTTP/1.1 2xx OK\r\n\r\n", want},
      {"status_signed", "HTTP/1.1 +20 OK\r\n\r\n", want},
      {"status_missing", "HTTP/1.1\r\n\r\n", want},
      {"status_after_two_spaces", "HTTP/1.1  200 OK\r\n\r\n", want},
      {"status_after_tab", "HTTP/1.1\t200 OK\r\n\r\n", want},
      {"reason_after_tab", "HTTP/1.1 200\tOK\r\n\r\n", want},
      {"reason_with_nul", "HTTP/1.1 200 O\0K\r\n\r\n"s, want},
      {"reason_with_bare_cr", "HTTP/1.1 200 O\rK\r\n\r\n", want},
      {"status_line_with_bare_lf", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
       protocol("header", 0)},
      {"tls_record", "\x15\x03\x03\x00\x02\x02\x46"s, want},
      {"http_2_frame", "\x00\x00\x12\x04\x00\x00\x00\x00\x00"s, want},
      {"ssh_banner", "SSH-2.0-OpenSSH_9.2\r\n", want},
      {"nearly_ssh", "SSX", want},
      {"nearly_tls_then_closed", "\x16", want, true},
      {"status_line_too_long", "HTTP/1.1 200 " + std::string(8180, 'x') + "\r\n\r\n",
       too_large("status_line", 0)},
  };
}

std::vector<Case> header_cases() {
  const Verdict want = protocol("header");
  std::string many = ok;
  for (int i = 0; i < 201; ++i) many += "X: y\r\n";
  std::string big = ok;
  for (int i = 0; i < 5; ++i) big += "X: " + std::string(15000, 'x') + "\r\n";
  return {
      {"space_before_colon", ok + "X : y\r\n\r\n", want},
      {"tab_before_colon", ok + "X\t: y\r\n\r\n", want},
      {"name_empty", ok + ": y\r\n\r\n", want},
      {"name_with_space", ok + "X Y: z\r\n\r\n", want},
      {"name_with_nul", ok + "X\0: y\r\n\r\n"s, want},
      {"name_with_latin1", ok + "X\xe9: y\r\n\r\n", want},
      {"name_in_parentheses", ok + "(X): y\r\n\r\n", want},
      {"no_colon", ok + "X-Alone\r\n\r\n", want},
      {"value_with_nul", ok + "X: a\0b\r\n\r\n"s, want},
      {"value_with_bare_cr", ok + "X: a\rb\r\n\r\n", want},
      {"value_with_cr_cr_lf", ok + "X: a\r\r\n\r\n", want},
      {"value_with_del",
       ok + "X: a\x7f"
            "b\r\n\r\n",
       want},
      {"value_with_escape", ok + "X: a\x1b[0m\r\n\r\n", want},
      {"bare_lf_after_field", ok + "X: y\nContent-Length: 0\r\n\r\n", want},
      {"bare_lf_ends_the_head", ok + "Content-Length: 0\r\n\n", want},
      {"fold", ok + "X: a\r\n b\r\n\r\n", want},
      {"fold_by_tab", ok + "X: a\r\n\tb\r\n\r\n", want},
      {"fold_before_any_field", ok + " X: a\r\n\r\n", want},
      {"fold_of_a_framing_field", ok + "Transfer-Encoding:\r\n chunked\r\n\r\n", want},
      {"too_many_fields", many + "\r\n", too_large("fields")},
      {"head_too_large", big + "\r\n", too_large("head")},
      {"value_too_long", ok + "X: " + std::string(16385, 'x') + "\r\n\r\n", too_large("value")},
  };
}

std::vector<Case> framing_cases() {
  const Verdict length = protocol("content_length"), coding = protocol("transfer_encoding");
  const auto with_length = [](const std::string& value) {
    return ok + "Content-Length:" + value + "\r\n\r\n";
  };
  const auto with_coding = [](const std::string& value) {
    return ok + "Transfer-Encoding: " + value + "\r\n\r\n0\r\n\r\n";
  };
  return {
      {"length_with_plus", with_length("+5"), length},
      {"length_negative", with_length("-5"), length},
      {"length_empty", with_length(""), length},
      {"length_hex", with_length("0x5"), length},
      {"length_with_fraction", with_length("5.0"), length},
      {"length_with_comma", with_length("5,"), length},
      {"length_list", with_length("5, 5"), length},
      {"length_grouped", with_length("1,000"), length},
      {"length_with_inner_space", with_length("5 5"), length},
      {"length_underscore", with_length("1_0"), length},
      {"length_beyond_int64", with_length("9223372036854775808"), length},
      {"length_beyond_uint64", with_length("18446744073709551621"), length},
      {"length_differs", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", length},
      {"coding_and_length", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       protocol("te_and_cl")},
      {"length_and_coding", ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
       protocol("te_and_cl")},
      {"coding_unknown", with_coding("gzip"), coding},
      {"coding_identity", with_coding("identity"), coding},
      {"coding_empty", with_coding(""), coding},
      {"coding_list", with_coding("gzip, chunked"), coding},
      {"coding_trailing_comma", with_coding("chunked,"), coding},
      {"coding_prefix", with_coding("xchunked"), coding},
      {"coding_parameter", with_coding("chunked;q=1"), coding},
      {"coding_with_nbsp",
       with_coding("\xa0"
                   "chunked"),
       coding},
      {"coding_quoted", with_coding("\"chunked\""), coding},
      {"coding_twice",
       ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", coding},
      {"coding_on_http_1_0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       coding},
      {"reset_content_with_length", "HTTP/1.1 205 x\r\nContent-Length: 3\r\n\r\nabc",
       protocol("content_length", 205)},
      {"reset_content_with_a_chunk",
       "HTTP/1.1 205 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       protocol("content_length", 205)},
      {"upgrade_unasked", "HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n", protocol("upgrade", 101)},
  };
}

std::vector<Case> chunk_cases() {
  const Verdict want = protocol("chunk");
  std::string overhead = chunked;
  for (int i = 0; i < 200; ++i) overhead += "1;a=" + std::string(200, 'x') + "\r\nz\r\n";
  return {
      {"chunk_size_empty", chunked + "\r\n", want},
      {"chunk_size_signed", chunked + "+2\r\nhi\r\n", want},
      {"chunk_size_negative", chunked + "-2\r\nhi\r\n", want},
      {"chunk_size_after_space", chunked + " 2\r\nhi\r\n", want},
      {"chunk_size_before_space", chunked + "2 \r\nhi\r\n", want},
      {"chunk_size_0x", chunked + "0x2\r\nhi\r\n", want},
      {"chunk_size_underscore", chunked + "1_0\r\nhi\r\n", want},
      {"chunk_size_not_hex", chunked + "g\r\nhi\r\n", want},
      {"chunk_size_of_17_digits", chunked + "00000000000000002\r\nhi\r\n", want},
      {"chunk_size_beyond_int64", chunked + "8000000000000000\r\n", want},
      {"chunk_size_with_bare_lf", chunked + "2\nhi\r\n", want},
      {"chunk_size_with_bare_cr", chunked + "2\r2\r\n", want},
      {"chunk_size_with_nul", chunked + "2\0\r\nhi\r\n"s, want},
      {"chunk_extension_without_name", chunked + "2;\r\nhi\r\n", want},
      {"chunk_extension_of_no_token", chunked + "2;a=(\r\nhi\r\n", want},
      {"chunk_extension_with_open_quote", chunked + "2;a=\"\r\nhi\r\n", want},
      {"chunk_extension_with_control", chunked + "2;a\x01\r\nhi\r\n", want},
      {"chunk_line_too_long", chunked + "2;" + std::string(255, 'a') + "\r\nhi\r\n", want},
      {"chunk_lines_outweigh_the_data", overhead, protocol("chunk", 200, std::string(86, 'z'))},
      {"chunk_data_too_long", chunked + "2\r\nhix\r\n", protocol("chunk", 200, "hi")},
      {"chunk_data_followed_by_lf", chunked + "2\r\nhi\n0\r\n\r\n", protocol("chunk", 200, "hi")},
      {"chunk_data_followed_by_cr_x", chunked + "2\r\nhi\rx", protocol("chunk", 200, "hi")},
      {"trailer_without_colon", chunked + "0\r\nX\r\n\r\n", protocol("header")},
      {"trailer_folded", chunked + "0\r\nX: a\r\n b\r\n\r\n", protocol("header")},
      {"trailer_with_bare_lf", chunked + "0\r\nX: a\n\r\n", protocol("header")},
      {"trailer_with_control", chunked + "0\r\nX: a\x02\r\n\r\n", protocol("header")},
      {"trailers_end_with_bare_lf", chunked + "0\r\n\n", protocol("header")},
      {"trailers_too_large", chunked + "0\r\nX: " + std::string(8200, 'x') + "\r\n\r\n",
       too_large("trailers")},
  };
}

std::vector<Case> end_cases() {
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += "HTTP/1.1 100 Continue\r\n\r\n";
  std::string heavy;
  for (int i = 0; i < 5; ++i)
    heavy += "HTTP/1.1 103 x\r\nX: " + std::string(15000, 'x') + "\r\n\r\n";
  return {
      {"closed_before_any_byte", "", refused(Outcome::connection_reset, "no_response", 0), true},
      {"closed_inside_status_line", "HTTP/1.1 20", truncated("head", 0), true},
      {"closed_inside_head", ok + "Content-Le", truncated("head"), true},
      {"closed_before_the_empty_line", ok + "Content-Length: 0\r\n", truncated("head"), true},
      {"closed_after_interim", "HTTP/1.1 100 x\r\n\r\n", truncated("head", 0), true},
      {"closed_inside_body", ok + "Content-Length: 5\r\n\r\nhell", truncated("body", 200, "hell"),
       true},
      {"closed_before_body", ok + "Content-Length: 5\r\n\r\n", truncated("body"), true},
      {"closed_before_first_chunk", chunked, truncated("body"), true},
      {"closed_inside_chunk_size", chunked + "5", truncated("body"), true},
      {"closed_inside_chunk", chunked + "5\r\nhel", truncated("body", 200, "hel"), true},
      {"closed_after_chunk", chunked + "2\r\nhi\r\n", truncated("body", 200, "hi"), true},
      {"closed_after_last_chunk", chunked + "2\r\nhi\r\n0\r\n", truncated("body", 200, "hi"), true},
      {"closed_inside_trailers", chunked + "0\r\nX: y\r\n", truncated("body"), true},
      {"nine_interims", nine, protocol("interim", 100)},
      {"interims_too_large", heavy, protocol("interim", 103)},
  };
}

}  // namespace

std::vector<Case> refused_cases() {
  std::vector<Case> all;
  for (auto part :
       {status_line_cases(), header_cases(), framing_cases(), chunk_cases(), end_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace callerapi::wire
