#pragma once

#include "callerapi/deadline.hpp"

namespace callerapi {

/// What an inbound request lends to the calls made on its behalf. A value; copy it freely.
struct Context {
  TimePoint deadline = no_deadline;  ///< No call made under this context outlives it.

  /// The same context without its limits, for work that goes on after the answer.
  Context detached() const { return {}; }
};

}  // namespace callerapi
