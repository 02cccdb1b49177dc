#include "callerapi/event_stream.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/utf8.hpp"
#include "wire/encode.hpp"

namespace callerapi {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// The text as the UTF-8 decoder of the Encoding standard leaves it.
std::string decoded(std::string_view text) {
  return wire::is_utf8(text) ? std::string(text) : base::as_utf8(text);
}

Error too_large(std::string reason, std::string_view what, std::size_t most) {
  return {.outcome = Outcome::response_too_large,
          .reason = std::move(reason),
          .message = std::string(what) + " is longer than the " + std::to_string(most) +
                     " bytes allowed; give its parser a higher bound",
          .phase = Phase::body,
          .sent = Sent::yes};
}

}  // namespace

void EventParser::give(std::string_view bytes) {
  bytes_.erase(0, at_);
  scanned_ -= at_;
  at_ = 0;
  bytes_.append(bytes);
}

/// False: the line has not ended yet.
bool EventParser::take_line(std::string_view& line) {
  if (!begun_) {
    const auto mark = byte_order_mark.substr(0, bytes_.size());
    if (mark.size() < byte_order_mark.size() && bytes_ == mark) return false;
    if (bytes_.starts_with(byte_order_mark)) at_ = scanned_ = byte_order_mark.size();
    begun_ = true;
  }
  if (skip_lf_ && at_ < bytes_.size()) {
    if (bytes_[at_] == '\n') ++at_;
    scanned_ = std::max(scanned_, at_);
    skip_lf_ = false;
  }
  const auto end = bytes_.find_first_of("\r\n", scanned_);
  scanned_ = end == std::string::npos ? bytes_.size() : end + 1;
  if (end == std::string::npos) return false;
  line = std::string_view(bytes_).substr(at_, end - at_);
  skip_lf_ = bytes_[end] == '\r';
  at_ = scanned_;
  return true;
}

void EventParser::field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") {
    type_ = decoded(value);
  } else if (name == "data") {
    data_.append(decoded(value)).append(1, '\n');
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) last_id_ = decoded(value);
  } else if (name == "retry") {
    std::uint32_t ms = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error == std::errc() && stop == value.data() + value.size())
      retry_ = std::chrono::milliseconds(ms);
  }
}

std::optional<ServerEvent> EventParser::dispatch() {
  std::string type = std::exchange(type_, {}), data = std::exchange(data_, {});
  if (data.empty()) return std::nullopt;
  data.pop_back();
  return ServerEvent{type.empty() ? "message" : std::move(type), std::move(data), last_id_};
}

Result<std::optional<ServerEvent>> EventParser::next() {
  std::string_view line;
  // The LF behind the last line of data is not of the event.
  const auto too_much = [this] { return !data_.empty() && data_.size() - 1 > event_bytes_max_; };
  while (!too_much() && take_line(line)) {
    if (line.size() > event_bytes_max_) {
      at_ = 0;  // the error stays
      break;
    }
    if (!line.empty()) {
      field(line);
    } else if (auto event = dispatch()) {
      return std::optional(std::move(*event));
    }
  }
  if (too_much()) return too_large("event", "server-sent event: its data", event_bytes_max_);
  if (bytes_.size() - at_ > event_bytes_max_)
    return too_large("event", "server-sent event: a line", event_bytes_max_);
  return std::optional<ServerEvent>();
}

}  // namespace callerapi
