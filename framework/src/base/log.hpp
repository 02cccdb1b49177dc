#pragma once

#include <memory>
#include <string_view>

#include "callerapi/log.hpp"

namespace callerapi::base {

/// The library's only way to the host's log. Silent without a sink. Copies share the sink, and its
/// end. Thread-safe.
class Log {
 public:
  Log() = default;
  explicit Log(LogSink sink);

  /// An exception of the sink ends here: logging never fails a call.
  void write(LogLevel level, std::string_view component, std::string_view message) const noexcept;
  /// From now on no copy reaches the sink, whose owner may be gone. Waits for who is inside it; not
  /// to be called from there.
  void close() const noexcept;

 private:
  struct Gate;
  std::shared_ptr<Gate> gate_;
};

}  // namespace callerapi::base
