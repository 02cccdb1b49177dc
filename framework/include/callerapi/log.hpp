#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "callerapi/export.hpp"

namespace callerapi {

/// How much a line matters; warning and error want somebody to look.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// One line for the host's log. Views end with the call of the sink.
struct LogRecord {
  LogLevel level;
  std::string_view component;  ///< The floor that speaks: "registry", "host", "pool".
  std::string_view message;    ///< One line; secrets and payloads never appear in it.
};

/// Where log lines go. The library writes nowhere by itself: without a sink it is silent.
/// Called from any thread, concurrently; must not block for long and must not throw.
using LogSink = std::function<void(const LogRecord&)>;

/// "debug", "info", "warning", "error".
CALLERAPI_API std::string_view name(LogLevel) noexcept;

}  // namespace callerapi
