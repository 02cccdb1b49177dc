#pragma once

#include "callerapi/deadline.hpp"

namespace callerapi {

/// Where the time of a call went, all its attempts together. The parts follow one another without
/// gap or overlap, so that they add up to the whole. A value.
struct TimeLedger {
  Duration local{0};  ///< The engine's own work and the plugin's hooks, between the others.
  Duration queue{0};  ///< Waiting for its turn within the limits of the service, for a credential,
                      ///< or for a connection that nobody was opening.
  Duration dns{0};    ///< Waiting for a connection that looked a name up,
  Duration connect{0};  ///< connected,
  Duration tls{0};      ///< or agreed on TLS. One that failed counts whole where it failed.
  Duration write{0};    ///< Sending the request.
  Duration wait{0};     ///< From its last byte to the first of the answer.
  Duration read{0};     ///< From that to the last; of a stream, to the end of its head.
  Duration retry{0};    ///< Pauses before further attempts.

  /// Their sum, which is the time from the start of the call to its end.
  constexpr Duration total() const noexcept {
    return local + queue + dns + connect + tls + write + wait + read + retry;
  }
};

}  // namespace callerapi
