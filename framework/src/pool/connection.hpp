#pragma once

#include <cstddef>
#include <memory>

#include "callerapi/deadline.hpp"
#include "wire/stream.hpp"

namespace callerapi::pool {

/// When the steps of opening a connection were over.
struct Opening {
  TimePoint began{}, resolved{}, connected{}, ready{};
};

/// A connection to one instance. Idle ones own no buffers.
struct Connection {
  std::unique_ptr<wire::Stream> stream;
  Opening opening;
  TimePoint retire_at{};  ///< Not used from then on, see Settings::age.
  TimePoint idle_since{};
  bool looked_at = false;     ///< A sweep has seen it since it became idle.
  bool reused = false;        ///< Has carried a request before.
  std::size_t active_at = 0;  ///< Bookkeeping of the origin while it is in use.
  bool drained = false;       ///< Held nothing more when its last answer was read.
};

}  // namespace callerapi::pool
