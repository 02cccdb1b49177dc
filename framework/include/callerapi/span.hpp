#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace callerapi {

/// What a span tells of, with the numbers of OpenTelemetry.
enum class SpanKind : std::uint8_t {
  internal = 1,  ///< One call, whatever it took: "callerapi billing.get_invoice".
  client = 3,    ///< One attempt of it: "GET /invoices/{id}".
};

/// One fact of a span, named as OpenTelemetry names it where it has a name.
struct SpanAttribute {
  std::string_view name;  ///< "http.request.method"; valid for as long as the program runs.
  std::variant<std::string, std::int64_t> value;
};

/// A call that has ended, or one attempt of it, as a tracing system wants it. A value; holds no
/// header, no payload and no value of a parameter.
struct Span {
  SpanKind kind = SpanKind::internal;
  std::string name;
  std::string trace_id;  ///< 32 lower-case hex digits; those of the traceparent that was sent.
  /// 16 digits; of an attempt those that its request named as its parent.
  std::string span_id;
  /// Of a call the span that the inbound request came from, of an attempt the call. Empty: the
  /// trace begins here.
  std::string parent_id;
  std::string trace_state;    ///< As it came; empty: none.
  std::uint8_t flags = 0;     ///< Of the trace; bit 0 is set: what is not sampled is not told.
  std::int64_t began_ns = 0;  ///< Nanoseconds since 1970.
  std::int64_t ended_ns = 0;  ///< The same, and not before it.
  bool failed = false;        ///< An error, or an answer of 400 and more.
  std::string message;        ///< Of a call that failed: one line, without secrets.
  std::vector<SpanAttribute> attributes;
};

/// Where spans go: each attempt of a call in its order, then the call. Called once for each when
/// nothing of the call is under way any more, the body of a stream or a second request included, by
/// the thread that ends it and with no lock held: the one that made a blocking call, or one of the
/// Caller's own, which must not be held up for long. So it may run several times at once. It may
/// use the Caller, but not destroy it. What it throws is caught and counted (Stats::span_failures).
using SpanSink = std::function<void(const Span&)>;

}  // namespace callerapi
