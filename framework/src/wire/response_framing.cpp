#include <charconv>
#include <cstdint>

#include "wire/response_reader.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {

bool ResponseReader::read_framing_fields(bool& chunked) {
  bool coded = false;
  for (const auto [name, value] : headers_) {
    if (same_name(name, "Transfer-Encoding")) {
      if (coded || !same_name(value, "chunked") || http_1_0_) {
        protocol("transfer_encoding", "response: Transfer-Encoding '" + printable(value) +
                                          "'; expected exactly one 'chunked', on HTTP/1.1");
        return false;
      }
      coded = chunked = true;
    } else if (same_name(name, "Content-Length")) {
      std::uint64_t length = 0;
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (value.empty() || error != std::errc() || stop != value.data() + value.size() ||
          length > static_cast<std::uint64_t>(INT64_MAX) || (length_ && *length_ != length)) {
        protocol("content_length", "response: Content-Length '" + printable(value) +
                                       "'; expected one number of decimal digits");
        return false;
      }
      length_ = length;
    }
  }
  if (chunked && length_) {
    protocol("te_and_cl", "response: both Transfer-Encoding and Content-Length; one must go");
    return false;
  }
  return true;
}

void ResponseReader::read_connection_fields() {
  bool close = false, keep = false;
  for (const auto [name, value] : headers_) {
    if (!same_name(name, "Connection")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const std::string_view option = trim(rest.substr(0, comma));
      close = close || same_name(option, "close");
      keep = keep || same_name(option, "keep-alive");
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  keep_alive_ = !close && !let_pass_ && (!http_1_0_ || keep);
}

/// RFC 9112 6.3: how the end of this body will be known.
ResponseReader::Event ResponseReader::frame_body() {
  bool chunked = false;
  if (!read_framing_fields(chunked)) return Event::error;
  read_connection_fields();
  const bool none =
      head_request_ || status_ == 204 || status_ == 304 || (connect_request_ && status_ < 300);
  if (none) {
    left_ = 0;
    length_.reset();
    state_ = State::body_length;
    if (connect_request_) keep_alive_ = false;
  } else if (status_ == 205 && length_.value_or(0) != 0) {
    return protocol("content_length", "response: 205 Reset Content with a body");
  } else if (chunked) {
    state_ = State::chunk_line;
  } else if (length_) {
    left_ = *length_;
    state_ = State::body_length;
  } else if (status_ == 205) {
    left_ = 0;
    state_ = State::body_length;
  } else {
    keep_alive_ = false;
    state_ = State::body_close;
  }
  return Event::head;
}

}  // namespace callerapi::wire
