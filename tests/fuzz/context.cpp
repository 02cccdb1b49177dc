// Inbound fields and the Context they make. Line 1: the keys of baggage that are handed on, between
// commas. Every other line: a field, "Name: value".
#include "callerapi/context.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/inbound.hpp"
#include "fuzz/fuzz.hpp"
#include "wire/syntax.hpp"

namespace callerapi::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint received(1h);

/// Every list member whose key is allowed, and no other.
void must_be_filtered(const std::string& baggage, const std::vector<std::string>& allowed) {
  must(!baggage.empty() && baggage.size() <= 8192, "a baggage is not empty and not long");
  for (std::string_view rest = baggage; !rest.empty();) {
    const std::string_view member = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), member.size() + 1));
    const std::string key(wire::trim(member.substr(0, member.find('='))));
    must(std::ranges::find(allowed, key) != allowed.end(), "no other baggage is handed on");
  }
}

void must_be_a_trace(const Trace& trace) {
  const auto sent = trace.traceparent(7);
  const auto again = Trace::parse({sent.data(), sent.size()});
  must(again && again->trace_id == trace.trace_id && again->flags == (trace.flags & 1),
       "what is sent is a traceparent of the same trace");
  must(wire::is_field_value(trace.state) && trace.state.size() <= 512, "a tracestate can be sent");
}

/// What is lent is bounded, and what is handed on may stand in a head.
void must_be_sound(const Context& context, const std::vector<std::string>& allowed) {
  must(context.deadline > received, "a deadline is not over when the request arrives");
  must(context.deadline == no_deadline || context.deadline <= received + 24h * 365,
       "a deadline is none or within a year");
  must((context.deadline == no_deadline) == context.deadline_from.empty(),
       "a deadline says where it comes from");
  must(context.allowance && context.allowance->left() >= 0 && context.allowance->left() <= 99,
       "an allowance is there and small");
  if (context.trace) must_be_a_trace(*context.trace);
  if (!context.baggage) return;
  must(wire::is_field_value(*context.baggage), "a baggage can be sent");
  must_be_filtered(*context.baggage, allowed);
}

/// Another hop must not give more than this one was given.
void must_not_grow(const Context& context, const Headers& inbound) {
  Headers more;
  for (const auto& [name, value] : inbound) more.add(name, value);
  more.add("Caller-Timeout-Ms", "60000");
  more.add("Caller-Attempts-Left", "3");
  const Context again = Context::from_headers(more, received, {.attempts_extra = 8, .baggage = {}});
  must(again.deadline <= std::min(context.deadline, received + 60s),
       "one more timeout brings no more time");
  must(again.allowance->left() <= std::min(3, context.allowance->left()),
       "one more allowance brings no more attempts");
  must(again.ignored <= context.ignored, "sound fields are not ignored");
}

}  // namespace
}  // namespace callerapi::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  Input input(data, size);
  std::vector<std::string> allowed;
  for (std::string_view keys = input.line(); !keys.empty();) {
    allowed.emplace_back(keys.substr(0, keys.find(',')));
    keys.remove_prefix(std::min(keys.size(), allowed.back().size() + 1));
  }
  Headers inbound;
  int fields = 0;
  while (!input.done()) {
    const std::string_view line = input.line();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    // The server that read the request may not be as strict as this engine: any byte may come.
    inbound.add(line.substr(0, colon), wire::trim(line.substr(colon + 1)));
    ++fields;
  }

  const Context context =
      Context::from_headers(inbound, received, {.attempts_extra = 8, .baggage = allowed});
  must(context.ignored >= 0 && context.ignored <= fields + 2,
       "no field is ignored more than once, nor a list");
  must_be_sound(context, allowed);
  must_not_grow(context, inbound);
  const Context later = context.detached();
  must(later.deadline == no_deadline && !later.allowance && later.trace == context.trace,
       "what is detached keeps the trace alone");
  return 0;
}
