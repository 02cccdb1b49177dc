#include "policy/tracing.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/inbound.hpp"
#include "base/limits.hpp"
#include "policy/call_run.hpp"

namespace callerapi::policy {
namespace {

constexpr std::uint8_t sampled = 1;

void put_hex(char* at, std::uint64_t value) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (int i = 16; i-- > 0; value >>= 4) at[i] = digits[value & 15];
}

/// A trace that begins here. It is sampled: whoever gives spans out wants them.
Trace new_trace(wire::Loop& loop) {
  Trace trace;
  put_hex(trace.trace_id.data(), loop.random());
  put_hex(trace.trace_id.data() + 16, new_span_id(loop));
  std::ranges::fill(trace.parent_id, '0');
  trace.flags = sampled;
  return trace;
}

/// Of a request that brings the field itself; null: nobody can read it.
std::shared_ptr<const Trace> own_trace(const Headers& headers) {
  auto trace = Trace::parse(headers.get("traceparent").value_or(""));
  if (!trace) return nullptr;
  const auto state = headers.get("tracestate").value_or("");
  if (base::is_plain_field(state, base::limits::tracestate_bytes_max)) trace->state = state;
  return std::make_shared<const Trace>(std::move(*trace));
}

}  // namespace

std::uint64_t new_span_id(wire::Loop& loop) noexcept {
  std::uint64_t id = loop.random();
  while (id == 0) id = loop.random();
  return id;
}

void trace_call(CallParts& parts) {
  Prepared& call = parts.prepared;
  wire::Loop& loop = *parts.loop;
  if (call.own_trace) call.context.trace = own_trace(call.headers);
  const bool root = !call.own_trace && !call.context.trace;
  if (root) call.context.trace = std::make_shared<const Trace>(new_trace(loop));
  if (!call.context.trace || (call.context.trace->flags & sampled) == 0) return;
  auto traced = std::make_shared<TracedCall>();
  traced->observer = parts.observer;
  traced->callee = parts.callee.get();
  traced->trace = call.context.trace;
  traced->root = root;
  traced->span = new_span_id(loop);
  traced->method = call.method;
  if (call.meter) traced->url_template = call.meter->path;
  traced->started = call.started;
  traced->asked = call.explain;
  call.traced = std::move(traced);
}

}  // namespace callerapi::policy
