#include "policy/attempt_headers.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace callerapi::policy {
namespace {

void set_trace(Headers& headers, const Trace& trace, std::uint64_t span) {
  const auto parent = trace.traceparent(span);
  headers.set("traceparent", {parent.data(), parent.size()});
  if (!trace.state.empty()) headers.set("tracestate", trace.state);
}

}  // namespace

bool has_attempt_headers(const Headers& headers, const HeaderNames& names) noexcept {
  return headers.contains(names.previous_attempts) || headers.contains(names.timeout) ||
         headers.contains(names.attempts_left) || headers.contains("traceparent") ||
         headers.contains("tracestate") || headers.contains("baggage");
}

void set_attempt_headers(Headers& headers, const Prepared& call, const AttemptFacts& attempt,
                         wire::Loop& loop) {
  const HeaderNames& names = *call.settings->names;
  if (attempt.number > 1) headers.set(names.previous_attempts, std::to_string(attempt.number - 1));
  if (attempt.ends != no_deadline && call.settings->deadline_mode != Mode::off) {
    const auto left = std::chrono::floor<std::chrono::milliseconds>(attempt.ends - attempt.began);
    headers.set(names.timeout, std::to_string(std::max<std::int64_t>(1, left.count())));
  }
  if (call.settings->request_id && !headers.contains(names.request_id))
    headers.add(names.request_id, view(uuid_v7(loop.wall_ms(), loop.random())));
  if (call.context.trace && !call.own_trace) set_trace(headers, *call.context.trace, attempt.span);
  if (call.context.baggage && !call.own_baggage) headers.set("baggage", *call.context.baggage);
  if (call.settings->attempts_left && call.context.allowance)
    headers.set(names.attempts_left, std::to_string(call.context.allowance->left()));
}

}  // namespace callerapi::policy
