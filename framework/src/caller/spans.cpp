#include "caller/spans.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "catalogue/snapshot.hpp"

namespace callerapi::caller {
namespace {

// What OpenTelemetry takes for a name of a method; any other could be a peer's invention.
constexpr std::string_view known_methods[] = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                              "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"};

bool is_known(std::string_view method) noexcept {
  return std::ranges::find(known_methods, method) != std::end(known_methods);
}

std::string hex(std::uint64_t id) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; id >>= 4) text[i] = digits[id & 15];
  return text;
}

template <std::size_t N>
std::string text_of(const std::array<char, N>& letters) {
  return {letters.data(), letters.size()};
}

void set(Span& span, std::string_view name, std::string_view value) {
  if (!value.empty()) span.attributes.push_back({name, std::string(value)});
}

void set(Span& span, std::string_view name, std::int64_t value) {
  span.attributes.push_back({name, value});
}

/// An error, or an answer of 400 and more, fails a span.
void set_result(Span& span, Outcome outcome, int status) {
  span.failed = outcome != Outcome::ok || status >= 400;
  if (span.failed)
    set(span, "error.type",
        outcome != Outcome::ok ? std::string(name(outcome)) : std::to_string(status));
}

Span part_of(const policy::TracedCall& call, std::uint64_t id) {
  Span span;
  span.trace_id = text_of(call.trace->trace_id);
  span.span_id = hex(id);
  span.trace_state = call.trace->state;
  span.flags = call.trace->flags;
  return span;
}

/// "10.0.0.7:8080", "[::1]:80" or "unix:/run/x.sock".
void set_peer(Span& span, std::string_view peer) {
  if (peer.starts_with("unix:")) return set(span, "network.peer.address", peer.substr(5));
  const auto colon = peer.rfind(':');
  if (colon == std::string_view::npos) return;
  std::string_view host = peer.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  set(span, "network.peer.address", host);
  std::int64_t port = 0;
  std::from_chars(peer.data() + colon + 1, peer.data() + peer.size(), port);
  set(span, "network.peer.port", port);
}

void set_request(Span& span, const policy::TracedCall& call) {
  // The callee of a call is the service's node; see Host::begin().
  const wire::BaseUrl& url = static_cast<const catalogue::Service*>(call.callee)->base_url;
  const bool known = is_known(call.method);
  span.name = known ? call.method : "HTTP";
  if (!call.url_template.empty()) span.name.append(" ").append(call.url_template);
  set(span, "http.request.method", known ? std::string_view(call.method) : "_OTHER");
  if (!known) set(span, "http.request.method_original", call.method);
  set(span, "url.template", call.url_template);
  set(span, "server.address", url.host);
  if (url.scheme != "unix") set(span, "server.port", url.port);
}

Span of_attempt(const policy::TracedCall& call, const AttemptRecord& attempt) {
  Span span = part_of(call, attempt.span_id);
  span.kind = SpanKind::client;
  span.parent_id = hex(call.span);
  set_request(span, call);
  if (attempt.number > 1) set(span, "http.request.resend_count", attempt.number - 1);
  set(span, "callerapi.attempt.kind", attempt.kind);
  set_peer(span, attempt.peer);
  if (attempt.status > 0) {
    set(span, "http.response.status_code", attempt.status);
    set(span, "network.protocol.version", "1.1");
  }
  set_result(span, attempt.outcome, attempt.status);
  return span;
}

Span of_call(const policy::TracedCall& call, const CallRecord& record) {
  Span span = part_of(call, call.span);
  span.name = "callerapi " + record.service + "." + record.endpoint;
  if (!call.root) span.parent_id = text_of(call.trace->parent_id);
  set(span, "callerapi.service", record.service);
  set(span, "callerapi.endpoint", record.endpoint);
  set(span, "callerapi.call_id", record.call_id);
  set(span, "callerapi.generation", static_cast<std::int64_t>(record.generation));
  set(span, "callerapi.attempts", static_cast<std::int64_t>(record.attempts.size()));
  if (!record.attempts.empty())
    set(span, "callerapi.stop_reason", record.attempts.back().stop_reason);
  set(span, "callerapi.hedge", record.hedge);
  set_result(span, record.outcome, record.status);
  span.message = record.message;
  return span;
}

}  // namespace

Spans::Spans(SpanSink sink, const base::Clock& clock, base::Log log)
    : sink_(std::move(sink)), clock_(clock), log_(std::move(log)) {}

void Spans::ended(const policy::TracedCall& call, const CallRecord& record) noexcept {
  try {
    tell(call, record);
  } catch (const std::exception& e) {
    failed(e.what());
  } catch (...) {
    failed("what is no std::exception");
  }
}

void Spans::failed(const char* what) noexcept {
  if (failures_.fetch_add(1, std::memory_order_relaxed) > 0) return;
  char line[512];
  std::snprintf(
      line, sizeof line,
      "Options::on_span threw: %.256s; the other spans of that call are lost, and further "
      "ones are only counted (Stats::span_failures)",
      what);
  log_.write(LogLevel::warning, "caller", line);
}

void Spans::tell(const policy::TracedCall& call, const CallRecord& record) const {
  // One look at the calendar: the spans of a call fit into one another, whatever it does meanwhile.
  const auto wall = std::chrono::duration_cast<Duration>(clock_.wall().time_since_epoch());
  const Duration began = wall - (clock_.now() - call.started);
  for (const AttemptRecord& attempt : record.attempts) {
    if (attempt.span_id == 0) continue;  // of a second request that was not let out
    Span span = of_attempt(call, attempt);
    span.began_ns = (began + attempt.began).count();
    span.ended_ns = (began + attempt.ended).count();
    sink_(span);
  }
  Span span = of_call(call, record);
  span.began_ns = began.count();
  span.ended_ns = (began + record.time.total()).count();
  sink_(span);
}

}  // namespace callerapi::caller
