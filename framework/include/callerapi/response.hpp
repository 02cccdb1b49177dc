#pragma once

#include <cstdint>
#include <string>

#include "callerapi/deadline.hpp"
#include "callerapi/headers.hpp"

namespace callerapi {

/// A complete response, whatever its status. A value.
struct Response {
  int status = 0;    ///< 200 to 999.
  Headers headers;   ///< As received, raw bytes.
  Headers trailers;  ///< Fields after a chunked body; never merged into headers.
  std::string body;  ///< Decoded from its transfer coding; empty when a BodySink took it.
  /// What the plugin's map_error says of a status of 400 and more; empty: nothing.
  std::string plugin_error;

  int attempts = 0;              ///< Requests sent for this call, the successful one included.
  std::uint64_t generation = 0;  ///< Which load of the plugin served this call.
  Duration elapsed{0};           ///< From the start of the call to its last byte.
};

}  // namespace callerapi
