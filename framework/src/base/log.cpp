#include "base/log.hpp"

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/futex.hpp"

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

struct Log::Gate {
  explicit Gate(LogSink to) : sink(std::move(to)) {}
  const LogSink sink;
  std::atomic<bool> closed{false};
  std::atomic<std::uint32_t> inside{0};
};

Log::Log(LogSink sink) {
  if (sink) gate_ = std::make_shared<Gate>(std::move(sink));
}

void Log::write(LogLevel level, std::string_view component,
                std::string_view message) const noexcept {
  if (!gate_) return;
  // Counted before the question whether it is closed: close() sees the count or this sees its word.
  ++gate_->inside;
  if (!gate_->closed) {
    try {
      gate_->sink({level, component, message});
    } catch (...) {  // the host's sink, the host's fault: nothing useful can be done with it here
    }
  }
  if (--gate_->inside == 0 && gate_->closed) futex_wake_all(gate_->inside);
}

void Log::close() const noexcept {
  if (!gate_) return;
  gate_->closed = true;
  for (std::uint32_t n = gate_->inside; n != 0; n = gate_->inside)
    futex_wait_until(gate_->inside, n, no_deadline);
}

}  // namespace base
}  // namespace callerapi
