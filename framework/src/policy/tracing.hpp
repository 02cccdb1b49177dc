#pragma once

#include <cstdint>
#include <memory>

#include "callerapi/context.hpp"
#include "callerapi/explain.hpp"
#include "policy/callee.hpp"

namespace callerapi::policy {

class CallObserver;
struct CallParts;

/// What a call whose spans are wanted must know of itself beyond its record. Both requests of a
/// hedged call share one. Immutable once begun.
struct TracedCall {
  CallObserver* observer = nullptr;    ///< Outlives the call.
  const Callee* callee = nullptr;      ///< The call's own.
  std::shared_ptr<const Trace> trace;  ///< Sampled.
  bool root = false;                   ///< The trace begins with it: nobody's span is its parent.
  std::uint64_t span = 0;              ///< Of the call; its attempts have their own.
  std::string method;
  std::string_view url_template;  ///< Empty for an ad-hoc request.
  TimePoint started{};
  bool asked = false;  ///< A record was asked for besides.
};

/// Told of every traced call that has ended, by the thread that ends it and without a lock held.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void ended(const TracedCall& call, const CallRecord& record) noexcept = 0;
};

/// A number for a span, from the loop's randomness; never 0.
std::uint64_t new_span_id(wire::Loop& loop) noexcept;

/// Makes the call one that is traced, if its trace is sampled; a call that belongs to none begins
/// one. Before the call is begun; only where parts.observer is not null.
void trace_call(CallParts& parts);

}  // namespace callerapi::policy
