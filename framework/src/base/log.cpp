#include "base/log.hpp"

namespace callerapi {

std::string_view name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

namespace base {

void Log::write(LogLevel level, std::string_view component,
                std::string_view message) const noexcept {
  if (!sink_) return;
  try {
    sink_({level, component, message});
  } catch (...) {  // the host's sink, the host's fault: nothing useful can be done with it here
  }
}

}  // namespace base
}  // namespace callerapi
