#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "callerapi/deadline.hpp"
#include "callerapi/headers.hpp"
#include "callerapi/time_ledger.hpp"

namespace callerapi {

struct CallRecord;

/// A complete response, whatever its status. A value.
struct Response {
  int status = 0;  ///< 200 to 999.
  /// As received, raw bytes. Of a body that came coded, Content-Encoding and Content-Length are
  /// left out: the fields describe `body`.
  Headers headers;
  Headers trailers;  ///< Fields after a chunked body; never merged into headers.
  /// Decoded from its transfer coding, and from gzip and deflate unless the request brought an
  /// Accept-Encoding or a Range of its own. Empty when a BodySink took it.
  std::string body;
  /// What the plugin's map_error says of a status of 400 and more; empty: nothing.
  std::string plugin_error;

  int attempts = 0;              ///< Attempts begun, those that got no connection included.
  std::uint64_t generation = 0;  ///< Which load of the plugin served this call.
  Duration elapsed{0};           ///< From the start of the call to its last byte.
  TimeLedger time;               ///< What `elapsed` is made of.
  /// How it went (callerapi/explain.hpp); null unless retried, hedged, told as spans or asked for.
  std::shared_ptr<const CallRecord> record;
};

}  // namespace callerapi
