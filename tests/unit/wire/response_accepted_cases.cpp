#include <string>

#include "unit/wire/response_cases.hpp"

namespace callerapi::wire {
namespace {

using namespace std::string_literals;

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

Verdict body(std::string text) { return {.body = std::move(text)}; }
Verdict status(int code) { return {.status = code}; }
Verdict closing(std::string text) { return {.body = std::move(text), .keep_alive = false}; }

std::vector<Case> head_cases() {
  return {
      {"length", ok + "Content-Length: 5\r\n\r\nhello", body("hello")},
      {"length_zero", ok + "Content-Length: 0\r\n\r\n", body("")},
      {"length_leading_zeros", ok + "Content-Length: 0005\r\n\r\nhello", body("hello")},
      {"length_twice_the_same", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
       body("hi")},
      {"length_with_blanks", ok + "Content-Length: \t 2 \t\r\n\r\nhi", body("hi")},
      {"length_name_in_capitals", ok + "CONTENT-LENGTH:2\r\n\r\nhi", body("hi")},
      {"no_reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", body("")},
      {"no_reason_no_space", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", body("")},
      {"reason_with_tab_and_latin1", "HTTP/1.1 200 d\tj\xe0\r\nContent-Length: 0\r\n\r\n",
       body("")},
      {"status_599", "HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", status(599)},
      {"status_600", "HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n", status(600)},
      {"status_999", "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", status(999)},
      {"value_empty", ok + "X:\r\nContent-Length: 0\r\n\r\n", body("")},
      {"value_latin1", ok + "X: \x80\xff\r\nContent-Length: 0\r\n\r\n", body("")},
      {"value_with_colons", ok + "X: a:b:c\r\nContent-Length: 0\r\n\r\n", body("")},
      {"name_of_odd_token_bytes", ok + "!#$%&'*+-.^_`|~9: x\r\nContent-Length: 0\r\n\r\n",
       body("")},
      {"bytes_behind_are_left",
       ok + "Content-Length: 2\r\n\r\nhiHTTP/1.1 500 poison\r\n",
       {.body = "hi", .left = "HTTP/1.1 500 poison\r\n"}},
      {"close", ok + "Content-Length: 0\r\nConnection: close\r\n\r\n", closing("")},
      {"close_in_list", ok + "Content-Length: 0\r\nConnection: foo , Close\r\n\r\n", closing("")},
      {"close_in_second_field",
       ok + "Content-Length: 0\r\nConnection: foo\r\nConnection: close\r\n\r\n", closing("")},
      {"close_beats_keep_alive", ok + "Content-Length: 0\r\nConnection: keep-alive, close\r\n\r\n",
       closing("")},
      {"closed_is_not_close", ok + "Content-Length: 0\r\nConnection: closed\r\n\r\n", body("")},
      {"http_1_0_closes", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", closing("hi")},
      {"http_1_0_keep_alive",
       "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nhi", body("hi")},
      {"http_1_0_close_beats_keep_alive",
       "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close, keep-alive\r\n\r\nhi",
       closing("hi")},
      {"until_close", ok + "\r\nhello", closing("hello"), true},
      {"until_close_empty", ok + "\r\n", closing(""), true},
      {"until_close_still_open",
       ok + "\r\nhello",
       {.body = "hello", .keep_alive = false, .open = true}},
  };
}

std::vector<Case> bodiless_cases() {
  const auto method = [](const char* name) { return name; };
  return {
      {"head_with_length", ok + "Content-Length: 500\r\n\r\n", body(""), false, method("HEAD")},
      {"head_with_chunked", chunked, body(""), false, method("HEAD")},
      {"head_without_framing", ok + "\r\n", body(""), false, method("HEAD")},
      {"head_with_bytes_behind", ok + "\r\nxyz", {.left = "xyz"}, false, method("HEAD")},
      {"no_content", "HTTP/1.1 204 x\r\n\r\n", status(204)},
      {"no_content_with_length", "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n", status(204)},
      {"no_content_with_chunked", "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
       status(204)},
      {"not_modified", "HTTP/1.1 304 x\r\n\r\n", status(304)},
      {"not_modified_with_length", "HTTP/1.1 304 x\r\nContent-Length: 99\r\n\r\n", status(304)},
      {"reset_content", "HTTP/1.1 205 x\r\n\r\n", status(205)},
      {"reset_content_length_zero", "HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n", status(205)},
      {"reset_content_chunked", "HTTP/1.1 205 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       status(205)},
      {"connect_has_no_body", ok + "Content-Length: 4\r\n\r\n", closing(""), false,
       method("CONNECT")},
      {"connect_refused_has_a_body",
       "HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\nno",
       {.status = 403, .body = "no"},
       false,
       method("CONNECT")},
      {"method_is_case_sensitive", ok + "Content-Length: 2\r\n\r\nhi", body("hi"), false,
       method("head")},
  };
}

std::vector<Case> interim_cases() {
  std::string eight;
  for (int i = 0; i < 8; ++i) eight += "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string final_answer = ok + "Content-Length: 2\r\n\r\nhi";
  return {
      {"continue_first", "HTTP/1.1 100 Continue\r\n\r\n" + final_answer, body("hi")},
      {"processing_first", "HTTP/1.1 102 x\r\n\r\n" + final_answer, body("hi")},
      {"early_hints_first", "HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n" + final_answer, body("hi")},
      {"unknown_interim_first", "HTTP/1.1 199 x\r\n\r\n" + final_answer, body("hi")},
      {"eight_interims", eight + final_answer, body("hi")},
      {"interim_framing_means_nothing",
       "HTTP/1.1 103 x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n" + final_answer,
       body("hi")},
      {"interim_alone",
       "HTTP/1.1 100 Continue\r\n\r\n",
       {.status = 0, .keep_alive = false, .open = true}},
  };
}

std::vector<Case> chunked_cases() {
  return {
      {"chunks", chunked + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", body("hello world")},
      {"chunks_none", chunked + "0\r\n\r\n", body("")},
      {"last_chunk_of_many_zeros", chunked + "2\r\nhi\r\n0000\r\n\r\n", body("hi")},
      {"chunk_size_upper_hex", chunked + "A\r\n0123456789\r\n0\r\n\r\n", body("0123456789")},
      {"chunk_size_lower_hex", chunked + "a\r\n0123456789\r\n0\r\n\r\n", body("0123456789")},
      {"chunk_size_of_16_digits", chunked + "0000000000000002\r\nhi\r\n0\r\n\r\n", body("hi")},
      {"chunk_data_that_looks_like_the_end", chunked + "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
       body("0\r\n\r\n")},
      {"chunk_extension", chunked + "2;a=b\r\nhi\r\n0\r\n\r\n", body("hi")},
      {"chunk_extension_without_value", chunked + "2;a;b\r\nhi\r\n0;c\r\n\r\n", body("hi")},
      {"chunk_extension_quoted", chunked + "2;a=\"x;\\\"y\"\r\nhi\r\n0\r\n\r\n", body("hi")},
      {"chunk_extension_blanks", chunked + "2 ; a = b\t;c\r\nhi\r\n0\r\n\r\n", body("hi")},
      {"coding_in_capitals", ok + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", body("")},
      {"coding_with_blanks", ok + "Transfer-Encoding: \tchunked\t \r\n\r\n0\r\n\r\n", body("")},
      {"chunked_and_close",
       ok + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
       closing("hi")},
      {"trailers", chunked + "2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-B: c\r\n\r\n", body("hi")},
      {"trailers_of_framing_are_ignored",
       chunked + "2\r\nhi\r\n0\r\nContent-Length: 999\r\nTransfer-Encoding: gzip\r\n\r\n",
       body("hi")},
      {"trailers_close_is_ignored", chunked + "0\r\nConnection: close\r\n\r\n", body("")},
      {"chunked_bytes_behind_are_left", chunked + "0\r\n\r\nHTTP", {.left = "HTTP"}},
      {"chunked_still_open",
       chunked + "5\r\nhel",
       {.body = "hel", .keep_alive = true, .open = true}},
  };
}

}  // namespace

std::vector<Case> accepted_cases() {
  std::vector<Case> all;
  for (auto part : {head_cases(), bodiless_cases(), interim_cases(), chunked_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace callerapi::wire
