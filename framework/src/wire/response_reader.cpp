#include "wire/response_reader.hpp"

#include <algorithm>
#include <utility>

#include "wire/chunk_line.hpp"
#include "wire/foreign_protocol.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view http = "HTTP/";

}  // namespace

ResponseReader::ResponseReader(std::string_view method, const ReaderLimits& limits)
    : limits_(limits), head_request_(method == "HEAD"), connect_request_(method == "CONNECT") {}

ResponseReader::Event ResponseReader::fail(Outcome outcome, std::string_view reason,
                                           std::string text) {
  state_ = State::failed;
  keep_alive_ = false;
  outcome_ = outcome;
  reason_ = reason;
  text_ = std::move(text);
  return Event::error;
}

ResponseReader::Event ResponseReader::next(std::string_view& input) {
  if (!input.empty()) started_ = true;
  switch (state_) {
    case State::head:
      return read_head(input);
    case State::body_length:
      if (left_ == 0) break;
      return take_body(input, left_);
    case State::body_close:
      return take_body(input, input.size());
    case State::chunk_line:
      return read_chunk_line(input);
    case State::chunk_data:
      return take_body(input, left_);
    case State::chunk_end:
      return read_chunk_end(input);
    case State::trailers:
      return read_trailers(input);
    case State::done:
      break;
    case State::failed:
      return Event::error;
  }
  state_ = State::done;
  return Event::end;
}

ResponseReader::Event ResponseReader::take_body(std::string_view& input, std::uint64_t most) {
  if (input.empty()) return Event::need_more;
  piece_ = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, input.size())));
  input.remove_prefix(piece_.size());
  received_ += piece_.size();
  if (state_ != State::body_close) left_ -= piece_.size();
  if (state_ == State::chunk_data && left_ == 0) state_ = State::chunk_end;
  return Event::body;
}

/// The next line without its CRLF: where it lies when it is whole in `input`, else from held_.
/// `most` counts its CRLF.
ResponseReader::Line ResponseReader::take_line(std::string_view& input, std::size_t most,
                                               std::string_view& line) {
  const auto feed = input.find('\n');
  if (held_.empty() && feed != 0 && feed < most && input[feed - 1] == '\r') {
    line = input.substr(0, feed - 1);
    input.remove_prefix(feed + 1);
    return Line::whole;
  }
  const std::size_t taken = feed == std::string_view::npos ? input.size() : feed + 1;
  if (held_.size() + taken > most) return Line::too_long;
  line = input.substr(0, taken);
  input.remove_prefix(taken);
  if (feed == std::string_view::npos) {
    held_.append(line);
    return Line::more;
  }
  if (!held_.empty()) {
    held_.append(line);
    line_.swap(held_);
    held_.clear();
    line = line_;
  }
  if (line.ends_with(crlf)) {
    line.remove_suffix(crlf.size());
    return Line::whole;
  }
  if (!limits_.bare_lf || state_ == State::chunk_line) return Line::bare_lf;
  line.remove_suffix(1);
  let_pass_ = true;
  return Line::whole;
}

ResponseReader::Event ResponseReader::read_head(std::string_view& input) {
  while (!input.empty()) {
    Event event = in_fields_ ? read_fields(input, headers_) : read_status_line(input);
    if (event == Event::end) event = end_of_head();
    if (event != Event::need_more) return event;
  }
  return Event::need_more;
}

ResponseReader::Event ResponseReader::refuse_start(std::string_view begin) {
  const std::string_view what = foreign_protocol(begin).what;
  return protocol("status_line",
                  "response begins with '" + printable(begin) + "'; " +
                      std::string(what.empty() ? "expected HTTP/1.1 and three digits" : what));
}

ResponseReader::Event ResponseReader::read_status_line(std::string_view& input) {
  // What cannot become a status line is refused at its first wrong byte, before it fills a buffer.
  if (held_.size() < http.size() && !(held_.empty() && input.starts_with(http))) {
    std::string begin = held_;
    begin.append(input.substr(0, http.size() - begin.size()));
    if (!http.starts_with(begin)) {
      if (!foreign_protocol(begin).more) return refuse_start(begin);
      input.remove_prefix(begin.size() - held_.size());
      held_ = std::move(begin);
      return Event::need_more;
    }
  }
  std::string_view line;
  const std::size_t most = limits_.status_line_bytes + crlf.size();
  switch (take_line(input, std::min(most, limits_.head_bytes), line)) {
    case Line::more:
      return Event::need_more;
    case Line::too_long:
      return fail(Outcome::response_too_large, "status_line",
                  "response: the status line is longer than the " +
                      std::to_string(limits_.status_line_bytes) + " bytes allowed");
    case Line::bare_lf:
      return protocol("header", "response head: the status line ends without CR");
    case Line::whole:
      break;
  }
  used_ = line.size() + crlf.size();
  in_fields_ = true;
  headers_.clear();
  headers_.reserve(16, std::clamp<std::size_t>(input.size(), 256, 1024));
  return parse_status_line(line);
}

/// Lines of fields into `into`; `end` at the empty line behind them.
ResponseReader::Event ResponseReader::read_fields(std::string_view& input, Headers& into) {
  const bool in_head = &into == &headers_;
  const char* const where = in_head ? "response head" : "response trailers";
  const std::size_t most = in_head ? limits_.head_bytes : limits_.trailer_bytes;
  while (!input.empty()) {
    std::string_view line;
    switch (take_line(input, most - std::min(used_, most), line)) {
      case Line::more:
        return Event::need_more;
      case Line::too_long:
        return fail(
            Outcome::response_too_large, in_head ? "head" : "trailers",
            std::string(where) + ": more than the " + std::to_string(most) + " bytes allowed");
      case Line::bare_lf:
        return protocol("header", std::string(where) + ": a line ends without CR");
      case Line::whole:
        break;
    }
    used_ += line.size() + crlf.size();
    if (line.empty()) return Event::end;
    if (parse_field(line, into) == Event::error) return Event::error;
  }
  return Event::need_more;
}

ResponseReader::Event ResponseReader::end_of_head() {
  in_fields_ = false;
  if (status_ >= 200) return frame_body();
  if (status_ == 101)
    return protocol("upgrade", "response: 101 Switching Protocols, which nobody asked for");
  interim_bytes_ += used_;
  if (++interim_ > limits_.interim)
    return protocol("interim", "response: more than the " + std::to_string(limits_.interim) +
                                   " interim (1xx) answers allowed");
  if (interim_bytes_ > limits_.interim_bytes)
    return protocol("interim", "response: interim (1xx) answers of more than the " +
                                   std::to_string(limits_.interim_bytes) + " bytes allowed");
  status_ = 0;
  return Event::need_more;
}

/// `need_more` when the line is sound.
ResponseReader::Event ResponseReader::parse_status_line(std::string_view line) {
  const auto refuse = [&](std::string_view why) {
    status_ = 0;
    return protocol("status_line",
                    "response begins with '" + printable(line) + "'; " + std::string(why));
  };
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ')
    return refuse("expected HTTP/1.1 and three digits");
  http_1_0_ = line[7] == '0';
  status_ = 0;
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return refuse("expected HTTP/1.1 and three digits");
    status_ = status_ * 10 + (c - '0');
  }
  // The space before an absent reason is often missing; everybody accepts that.
  if (status_ < 100 || (line.size() > 12 && line[12] != ' ') || !is_field_value(line))
    return refuse("expected a status of 100 to 999 and a reason");
  return Event::need_more;
}

/// `need_more` when the field is sound.
ResponseReader::Event ResponseReader::parse_field(std::string_view line, Headers& into) {
  const auto where = [&] {
    return std::string(&into == &trailers_ ? "response trailers" : "response head");
  };
  const auto refuse = [&](std::string_view why) {
    return protocol("header", where() + ": field '" + printable(line.substr(0, line.find(':'))) +
                                  "' " + std::string(why));
  };
  if (line.front() == ' ' || line.front() == '\t') {
    if (limits_.obs_fold && &into == &headers_ && !into.empty()) return parse_folded(line);
    // Of the field before it: what stands here is of a value, which may be a secret.
    return protocol("header",
                    where() +
                        (into.empty() ? ": its first line begins with a space"
                                      : ": field '" + printable(into[into.size() - 1].name) +
                                            "' is folded over two lines") +
                        ", which RFC 9112 5.2 forbids to senders");
  }
  if (into.size() >= limits_.fields)
    return fail(Outcome::response_too_large, "fields",
                where() + ": more than the " + std::to_string(limits_.fields) + " fields allowed");
  const std::size_t colon = token_size(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':')
    return refuse(line.find(':') == std::string_view::npos ? "has no colon"
                                                           : "has a name that is no token");
  const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return refuse("has a control byte in its value");
  if (value.size() > limits_.value_bytes)
    return fail(Outcome::response_too_large, "value",
                where() + ": field '" + printable(name) + "' has a value of " +
                    std::to_string(value.size()) + " bytes, at most " +
                    std::to_string(limits_.value_bytes) + " allowed");
  if (&into == &headers_ || !is_forbidden_trailer(name)) into.add(name, value);
  return Event::need_more;
}

/// The rest of the last field, which is then one line (RFC 9112 5.2).
ResponseReader::Event ResponseReader::parse_folded(std::string_view line) {
  let_pass_ = true;
  const auto [name, begun] = headers_[headers_.size() - 1];
  const std::string_view more = trim(line);
  if (more.empty()) return Event::need_more;
  if (!is_field_value(more))
    return protocol(
        "header", "response head: field '" + printable(name) + "' has a control byte in its value");
  const std::size_t size = begun.size() + 1 + more.size();
  if (size > limits_.value_bytes)
    return fail(Outcome::response_too_large, "value",
                "response head: field '" + printable(name) + "' has a value of " +
                    std::to_string(size) + " bytes, at most " +
                    std::to_string(limits_.value_bytes) + " allowed");
  headers_.extend_last(more);
  return Event::need_more;
}

ResponseReader::Event ResponseReader::read_chunk_line(std::string_view& input) {
  if (input.empty()) return Event::need_more;
  std::string_view line;
  switch (take_line(input, limits_.chunk_line_bytes, line)) {
    case Line::more:
      return Event::need_more;
    case Line::too_long:
      return protocol("chunk", "response body: a chunk's size line is longer than the " +
                                   std::to_string(limits_.chunk_line_bytes) + " bytes allowed");
    case Line::bare_lf:
      return protocol("chunk", "response body: a chunk's size line ends without CR");
    case Line::whole:
      break;
  }
  const auto size = parse_chunk_line(line);
  if (!size)
    return protocol("chunk", "response body: chunk size line '" + printable(line) +
                                 "'; expected hexadecimal digits");
  overhead_ += line.size() + crlf.size();
  if (overhead_ > limits_.chunk_overhead_bytes + limits_.chunk_overhead_factor * received_)
    return protocol("chunk", "response body: " + std::to_string(overhead_) +
                                 " bytes of chunk size lines for " + std::to_string(received_) +
                                 " bytes of data");
  if (status_ == 205 && *size > 0)
    return protocol("content_length", "response: 205 Reset Content with a body");
  left_ = *size;
  used_ = 0;
  state_ = left_ == 0 ? State::trailers : State::chunk_data;
  return next(input);
}

ResponseReader::Event ResponseReader::read_chunk_end(std::string_view& input) {
  while (!input.empty()) {
    const char c = input.front();
    input.remove_prefix(1);
    if (c != crlf[held_.size()])
      return protocol("chunk", "response body: a chunk is not followed by CRLF");
    held_ += c;
    if (held_.size() < 2) continue;
    held_.clear();
    state_ = State::chunk_line;
    return next(input);
  }
  return Event::need_more;
}

ResponseReader::Event ResponseReader::read_trailers(std::string_view& input) {
  const Event event = read_fields(input, trailers_);
  if (event == Event::end) state_ = State::done;
  keep_alive_ = keep_alive_ && !let_pass_;
  return event;
}

/// What is missing, for the text of a truncated response.
std::string ResponseReader::missing() const {
  switch (state_) {
    case State::head:
      return "the response ended inside its head";
    case State::body_length:
      return "the response ended inside its body: " + std::to_string(received_) + " of " +
             std::to_string(received_ + left_) + " bytes arrived";
    case State::trailers:
      return "the response ended inside its trailers, after " + std::to_string(received_) +
             " bytes of body";
    default:
      return "the response ended inside its body: the last chunk is missing, " +
             std::to_string(received_) + " bytes arrived";
  }
}

ResponseReader::Event ResponseReader::finish() {
  keep_alive_ = false;
  if (state_ == State::failed) return Event::error;
  if (state_ == State::done || state_ == State::body_close ||
      (state_ == State::body_length && left_ == 0)) {
    state_ = State::done;
    return Event::end;
  }
  if (!started_)
    return fail(Outcome::connection_reset, "no_response",
                "the peer closed without any byte of a response");
  if (state_ == State::head && !in_fields_ && !http.starts_with(held_.substr(0, http.size())))
    return refuse_start(held_);
  return fail(Outcome::response_truncated, state_ == State::head ? "head" : "body", missing());
}

}  // namespace callerapi::wire
