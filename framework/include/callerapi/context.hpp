#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/export.hpp"
#include "callerapi/headers.hpp"

namespace callerapi {

/// How many times beyond the first of each call the work of one inbound request may reach a
/// service, all its calls together: so a chain does not multiply its retries. Thread-safe.
class CALLERAPI_API Allowance {
 public:
  /// `extra`: 0 and more; a negative number counts as 0.
  explicit Allowance(int extra) noexcept : left_(extra < 0 ? 0 : extra) {}
  /// Takes one; false: none is left.
  bool take() noexcept;
  /// How many are left, 0 and more.
  int left() const noexcept { return left_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> left_;
};

/// The distributed trace some work belongs to (W3C Trace Context, version 00). A value.
struct CALLERAPI_API Trace {
  std::array<char, 32> trace_id{};   ///< Lower-case hex digits, not all zero.
  std::array<char, 16> parent_id{};  ///< The same: the span that called us.
  std::uint8_t flags = 0;            ///< As it came. Bit 0: sampled; no other is sent.
  std::string state;                 ///< tracestate, handed on as it came; empty: none.

  /// Reads `00-<32 hex>-<16 hex>-<2 hex>` and nothing else; nullopt: not that.
  static std::optional<Trace> parse(std::string_view traceparent) noexcept;
  /// The field for a request made by span `span_id`, which must not be 0.
  std::array<char, 55> traceparent(std::uint64_t span_id) const noexcept;
};

/// How an inbound request is read.
struct InboundOptions {
  /// Extra attempts where the request names none (Caller-Attempts-Left). 0: no limit.
  int attempts_extra = 8;
  /// Keys of `baggage` to hand on; all others stay here. It is sent to every service called.
  std::vector<std::string> baggage;
};

/// What an inbound request lends to the calls made on its behalf: a deadline, the trace, and an
/// allowance of retries. A value; copies share the allowance. Hand it on with Request::context, or
/// for all calls of a thread with ContextScope.
struct CALLERAPI_API Context {
  TimePoint deadline = no_deadline;  ///< No call made under this context outlives it.
  /// Which field the deadline came from, "Caller-Timeout-Ms"; empty: from none.
  std::string_view deadline_from;
  /// Null: none; calls then send no traceparent, unless Options::on_span wants spans.
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const std::string> baggage;  ///< Null: none.
  std::shared_ptr<Allowance> allowance;        ///< Null: no limit beyond that of each call.
  int ignored = 0;  ///< Fields that were there and could not be read; each counts as absent.

  /// Reads the fields of a request that arrived at `received`. The deadline is the nearest of
  /// Caller-Timeout-Ms, grpc-timeout, x-envoy-expected-rq-timeout-ms and Connect-Timeout-Ms.
  /// Never fails: what is invalid is left out and counted in `ignored`.
  static Context from_headers(const Headers& inbound, TimePoint received,
                              const InboundOptions& options = {});

  /// The same trace without deadline and allowance, for work that goes on after the answer.
  Context detached() const;
};

/// Lends `context` to every call this thread begins until the scope ends, unless its Request brings
/// its own. Scopes nest; they end in reverse order, on the thread that made them. A coroutine that
/// may continue elsewhere must use Request::context instead.
class CALLERAPI_API ContextScope {
 public:
  /// Lends it on this thread from now on.
  explicit ContextScope(Context context);
  ~ContextScope();
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

  /// The innermost of this thread; null: none. Valid until that scope ends.
  static const Context* current() noexcept;

 private:
  const Context context_;
  const Context* const outer_;
};

}  // namespace callerapi
