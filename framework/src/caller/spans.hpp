#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "callerapi/span.hpp"
#include "policy/tracing.hpp"

namespace callerapi::caller {

/// Makes spans of the records of calls that have ended, and tells them. Thread-safe.
class Spans final : public policy::CallObserver {
 public:
  /// `clock` outlives it.
  Spans(SpanSink sink, const base::Clock& clock, base::Log log);

  void ended(const policy::TracedCall& call, const CallRecord& record) noexcept override;
  /// Calls that the sink threw at.
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }

 private:
  void tell(const policy::TracedCall& call, const CallRecord& record) const;
  void failed(const char* what) noexcept;

  const SpanSink sink_;
  const base::Clock& clock_;
  const base::Log log_;
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace callerapi::caller
