#pragma once

#include <cstddef>

#include "callerapi/result.hpp"
#include "pool/origin.hpp"

namespace callerapi::policy {

/// A call that the loop drives, as its keeper sees it. The loop's thread only.
class LoopCall {
 public:
  virtual ~LoopCall() = default;
  /// Whoever calls this holds it until it returns.
  virtual void begin() = 0;
  /// Ends the call now. Its connections are closed before anybody hears of it.
  virtual void end(Error why) = 0;
  /// Does it use, or wait for, connections of that pool?
  virtual bool uses(const pool::Origin& origin) const noexcept = 0;

  std::size_t place = 0;  ///< Where its keeper has it.
};

}  // namespace callerapi::policy
