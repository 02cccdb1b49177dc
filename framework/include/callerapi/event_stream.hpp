#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/deadline.hpp"
#include "callerapi/export.hpp"
#include "callerapi/items.hpp"
#include "callerapi/result.hpp"

namespace callerapi {

/// One event of text/event-stream. A value.
struct ServerEvent {
  std::string type = "message";  ///< `event:` of it.
  std::string data;              ///< Its lines, joined by LF.
  std::string id;                ///< The last id seen so far, of this event or an earlier one.
};

/// Reads an event stream as the WHATWG HTML standard says (9.2.6), sans I/O: bytes in, events out.
/// Lines end with CR, LF or CRLF; a byte order mark is skipped; bytes that are no UTF-8 become
/// U+FFFD; an event that its empty line has not ended is dropped at the end. One thread.
class CALLERAPI_API EventParser {
 public:
  using Item = ServerEvent;
  /// `event_bytes_max` bounds a line as well as all data of an event.
  explicit EventParser(std::size_t event_bytes_max = std::size_t{1} << 20)
      : event_bytes_max_(event_bytes_max) {}

  /// Takes the next bytes, copied.
  void give(std::string_view bytes);
  /// No more come; an event without its empty line is none.
  void finish() {}
  /// The next event; nullopt: more bytes are needed. Error: `response_too_large`, reason `event`;
  /// it stays.
  Result<std::optional<ServerEvent>> next();

  /// Sent with a new request as Last-Event-ID, to go on where this stream ended.
  const std::string& last_id() const noexcept { return last_id_; }
  /// How long the service asks to wait before that.
  std::optional<Duration> retry() const noexcept { return retry_; }

 private:
  bool take_line(std::string_view& line);
  void field(std::string_view line);
  std::optional<ServerEvent> dispatch();

  std::size_t event_bytes_max_;
  std::string bytes_;
  std::size_t at_ = 0;       ///< Begin of the line that is being read.
  std::size_t scanned_ = 0;  ///< No line ends before here.
  bool begun_ = false, skip_lf_ = false;
  std::string type_, data_, last_id_;
  std::optional<Duration> retry_;
};

/// `for (Result<ServerEvent>& event : EventStream(std::move(body)))`.
using EventStream = ItemStream<EventParser>;

}  // namespace callerapi
