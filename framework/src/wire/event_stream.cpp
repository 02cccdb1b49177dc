#include "callerapi/event_stream.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "wire/encode.hpp"

namespace callerapi {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::string_view replacement = "\xef\xbf\xbd";

/// Length of the UTF-8 sequence that begins `text`, as far as it is right; `whole`: all of it is.
std::size_t sequence(std::string_view text, bool& whole) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t size = 1;
  unsigned low = 0x80, high = 0xbf;  // of the second byte: no overlong forms, no surrogates
  if (lead >= 0xc2 && lead <= 0xdf) size = 2;
  if (lead >= 0xe0 && lead <= 0xef) size = 3;
  if (lead >= 0xf0 && lead <= 0xf4) size = 4;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  std::size_t right = 1;
  while (right < size && right < text.size() && byte(right) >= low && byte(right) <= high) {
    low = 0x80;
    high = 0xbf;
    ++right;
  }
  whole = right == size && (size > 1 || lead < 0x80);
  return right;
}

/// The text as the UTF-8 decoder of the Encoding standard leaves it.
std::string decoded(std::string_view text) {
  if (wire::is_utf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    bool whole = false;
    const std::size_t size = sequence(text, whole);
    out.append(whole ? text.substr(0, size) : replacement);
    text.remove_prefix(size);
  }
  return out;
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
  while (data_.size() <= event_bytes_max_ && take_line(line)) {
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
  if (data_.size() > event_bytes_max_)
    return too_large("event", "server-sent event: its data", event_bytes_max_);
  if (bytes_.size() - at_ > event_bytes_max_)
    return too_large("event", "server-sent event: a line", event_bytes_max_);
  return std::optional<ServerEvent>();
}

}  // namespace callerapi
