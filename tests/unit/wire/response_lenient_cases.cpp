// With response.bare_lf and response.obs_fold: what RFC 9112 2.2 and 5.2 let a recipient take, and
// beside it what stays refused. No connection of such an answer carries another.
#include <string>

#include "unit/wire/response_cases.hpp"

namespace callerapi::wire {
namespace {

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

Verdict read(std::string body) { return {.body = std::move(body), .keep_alive = false}; }
Verdict refused(std::string reason, int status = 200, std::string body = {}) {
  return {Outcome::protocol_error, std::move(reason), status, std::move(body), false, {}, false};
}

std::vector<Case> without_cr() {
  return {
      {"lf_everywhere", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", read("hi")},
      {"lf_after_the_status_line", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi", read("hi")},
      {"lf_after_one_field", ok + "X: y\nContent-Length: 2\r\n\r\nhi", read("hi")},
      {"lf_ends_the_head", ok + "Content-Length: 2\r\n\nhi", read("hi")},
      {"lf_in_an_interim_answer", "HTTP/1.1 100 Continue\n\n" + ok + "Content-Length: 2\r\n\r\nhi",
       read("hi")},
      {"lf_in_trailers", chunked + "2\r\nhi\r\n0\r\nX: a\n\n", read("hi")},
      {"lf_after_a_chunk_size", chunked + "2\nhi\r\n", refused("chunk")},
      {"lf_after_chunk_data", chunked + "2\r\nhi\n0\r\n\r\n", refused("chunk", 200, "hi")},
      {"cr_cr_lf", ok + "X: a\r\r\n\r\n", refused("header")},
      {"cr_alone", ok + "X: a\rY: b\n\n", refused("header")},
  };
}

std::vector<Case> folded() {
  return {
      {"unfolded", ok + "X: a\r\n  b\r\nContent-Length: 2\r\n\r\nhi", read("hi")},
      {"unfolded_by_tab", ok + "X: a\r\n\tb\r\n\tc\r\nContent-Length: 0\r\n\r\n", read("")},
      {"unfolded_framing", ok + "Transfer-Encoding:\r\n chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
       read("hi")},
      {"unfolded_length_is_one_value", ok + "Content-Length: 1\r\n 2\r\n\r\nhi",
       refused("content_length")},
      {"unfolded_coding_is_one_value", ok + "Transfer-Encoding: gzip,\r\n chunked\r\n\r\n",
       refused("transfer_encoding")},
      {"unfolded_blank_line_is_no_end", ok + "X: a\r\n \r\nContent-Length: 2\r\n\r\nhi",
       read("hi")},
      {"fold_of_nothing", ok + " X: a\r\n\r\n", refused("header")},
      {"fold_with_nul", ok + "X: a\r\n " + std::string(1, '\0') + "\r\n\r\n", refused("header")},
      {"fold_in_trailers", chunked + "0\r\nX: a\r\n b\r\n\r\n", refused("header")},
      {"folds_beyond_the_longest_value",
       ok + "X: " + std::string(16000, 'a') + "\r\n " + std::string(400, 'b') + "\r\n\r\n",
       {Outcome::response_too_large, "value", 200, {}, false, {}, false}},
  };
}

}  // namespace

std::vector<Case> lenient_cases() {
  std::vector<Case> all = without_cr();
  for (const Case& c : folded()) all.push_back(c);
  for (Case& c : all) c.lenient = true;
  return all;
}

}  // namespace callerapi::wire
