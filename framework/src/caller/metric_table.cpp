#include "caller/metric_table.hpp"

#include <algorithm>
#include <cassert>

namespace callerapi::caller {
namespace {

using enum MetricType;

constexpr Metric table[] = {
    {"http.client.request.duration", "http_client_request_duration_seconds", histogram,
     "service http_request_method server_address server_port http_response_status_code error_type "
     "network_protocol_version url_template",
     "Time of each attempt, from its beginning to its result."},
    {"callerapi.call.duration", "callerapi_call_duration_seconds", histogram,
     "service endpoint outcome", "Time of each call, attempts and pauses included."},
    {"callerapi.call.attempts", "callerapi_call_attempts_total", counter, "service endpoint",
     "Attempts of all calls."},
    {"callerapi.retry.count", "callerapi_retry_count_total", counter, "service endpoint reason",
     "Attempts made because another had come to this."},
    {"callerapi.retry.stopped", "callerapi_retry_stopped_total", counter,
     "service endpoint stop_reason", "Calls that were not tried again, and why."},
    {"callerapi.retry.delay", "callerapi_retry_delay_seconds", histogram, "service endpoint",
     "Pauses chosen before further attempts."},
    {"callerapi.deadline.expired", "callerapi_deadline_expired_total", counter,
     "service endpoint where",
     "Calls that ran out of time, by how far they had come; dark: that would have, by the "
     "context."},
    {"callerapi.budget.balance", "callerapi_budget_balance", gauge, "service",
     "Retries that its budget would allow now."},
    {"callerapi.breaker.state", "callerapi_breaker_state", gauge, "service",
     "0 closed, 1 open, 2 half-open, 3 forced open, 4 forced closed, 5 off."},
    {"callerapi.breaker.rejected", "callerapi_breaker_rejected_total", counter, "service endpoint",
     "Calls that the breaker refused."},
    {"callerapi.instance.ejected", "callerapi_instance_ejected_total", counter, "service",
     "Instances left alone because they failed."},
    {"callerapi.hedge.sent", "callerapi_hedge_sent_total", counter, "",
     "Second requests of calls whose first answer was late."},
    {"callerapi.inflight", "callerapi_inflight", gauge, "service", "Calls begun and not ended."},
    {"callerapi.limit", "callerapi_limit", gauge, "service",
     "Calls that limits.inflight lets be in flight; 0: any number."},
    {"callerapi.queue.waiting", "callerapi_queue_waiting", gauge, "service",
     "Calls that wait for their turn within the limits."},
    {"callerapi.queue.duration", "callerapi_queue_duration_seconds", histogram, "service",
     "Waiting for their turn, by calls that had to, those in vain included."},
    {"callerapi.limit.refused", "callerapi_limit_refused_total", counter, "service reason",
     "Calls that the limits refused: inflight or rate where there is no queue, queue_full, "
     "queue_wait after all of timeouts.acquire, no_time where that would be too short."},
    {"callerapi.pool.acquire.duration", "callerapi_pool_acquire_duration_seconds", histogram,
     "service", "Waiting for a connection while none was being opened, by calls that had to."},
    {"callerapi.phase.duration", "callerapi_phase_duration_seconds", histogram, "service phase",
     "Parts of a call's time, by calls that spent any there."},
    {"callerapi.plugin.generation", "callerapi_plugin_generation", gauge, "service",
     "Which load of its plugin serves it."},
    {"callerapi.plugin.fault", "callerapi_plugin_fault_total", counter, "service kind",
     "Hooks of the running plugin that failed or took over 50 ms."},
    {"callerapi.config.reload", "callerapi_config_reload_total", counter, "result",
     "Reloads of the registry."},
    {"callerapi.connections.opened", "callerapi_connections_opened_total", counter, "",
     "TCP connections made."},
    {"callerapi.connections.reused", "callerapi_connections_reused_total", counter, "",
     "Attempts that found a kept connection."},
    {"callerapi.connections.open", "callerapi_connections_open", gauge, "",
     "Connections open now, idle ones included."},
    {"callerapi.context.ignored", "callerapi_context_ignored_total", counter, "",
     "Fields of inbound requests that could not be read, of the whole process."},
};

}  // namespace

std::span<const Metric> metrics() noexcept { return table; }

const Metric& metric(std::string_view prometheus) noexcept {
  const auto* found = std::ranges::find(table, prometheus, &Metric::prometheus);
  assert(found != std::end(table));
  return *found;
}

std::string_view name(MetricType type) noexcept {
  constexpr std::string_view names[] = {"counter", "gauge", "histogram"};
  return names[static_cast<std::size_t>(type)];
}

std::string metrics_reference() {
  std::string page =
      "# Metrics\n\n"
      "Generated from the table of metrics; a test fails when they differ. "
      "`Caller::metrics_text()`, "
      "and the op\n"
      "`metrics` of the pipe write them in the text format of Prometheus. Durations are seconds, "
      "in "
      "the\n"
      "buckets that OpenTelemetry names for HTTP clients. An attempt has a status, an `error_type` "
      "from the\n"
      "[outcomes](outcomes.md) or the status from 400 on, or both labels empty and a status below "
      "400. A label without\n"
      "a value is left out. Of one endpoint, eleven results have a series each; any further ones "
      "share\n"
      "`error_type=\"_OTHER\"`.\n\n"
      "| Prometheus | OpenTelemetry | type | labels | meaning |\n|---|---|---|---|---|\n";
  for (const Metric& row : table) {
    std::string labels;
    for (const char c : row.labels) c == ' ' ? labels += "`, `" : labels += c;
    page.append("| `").append(row.prometheus).append("` | `").append(row.otel).append("` | ");
    page.append(name(row.type)).append(" | ");
    if (!labels.empty()) page.append("`").append(labels).append("`");
    page.append(labels.empty() ? "| " : " | ").append(row.help).append(" |\n");
  }
  return page;
}

}  // namespace callerapi::caller
