#include "callerapi/json_lines.hpp"

namespace callerapi {

void LineParser::give(std::string_view bytes) {
  bytes_.erase(0, at_);
  scanned_ -= at_;
  at_ = 0;
  bytes_.append(bytes);
}

Result<std::optional<std::string>> LineParser::next() {
  for (;;) {
    const auto end = bytes_.find('\n', scanned_);
    const bool whole = end != std::string::npos;
    const std::size_t stop = whole ? end : bytes_.size();
    // A CR before the end is not of the line.
    const bool cr = stop > at_ && bytes_[stop - 1] == '\r';
    if (stop - at_ - (cr ? 1 : 0) > line_bytes_max_)
      return Error{.outcome = Outcome::response_too_large,
                   .reason = "line",
                   .message = "a line of the streamed body is longer than the " +
                              std::to_string(line_bytes_max_) +
                              " bytes allowed; give its parser a higher bound",
                   .phase = Phase::body,
                   .sent = Sent::yes};
    if (!whole && !ended_) {
      scanned_ = stop;
      return std::optional<std::string>();
    }
    std::string_view line = std::string_view(bytes_).substr(at_, stop - at_);
    at_ = scanned_ = whole ? end + 1 : stop;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return std::optional(std::string(line));
    if (!whole) return std::optional<std::string>();
  }
}

}  // namespace callerapi
