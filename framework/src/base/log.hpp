#pragma once

#include <string_view>
#include <utility>

#include "callerapi/log.hpp"

namespace callerapi::base {

/// The library's only way to the host's log. Silent without a sink. Thread-safe.
class Log {
 public:
  Log() = default;
  explicit Log(LogSink sink) : sink_(std::move(sink)) {}

  /// An exception of the sink ends here: logging never fails a call.
  void write(LogLevel level, std::string_view component, std::string_view message) const noexcept;

 private:
  LogSink sink_;
};

}  // namespace callerapi::base
