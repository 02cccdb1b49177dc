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
    {"http.client.active_requests", "http_client_active_requests", gauge,
     "service server_address server_port",
     "Attempts begun whose result is not there; of a stream, its head."},
    {"http.client.request.body.size", "http_client_request_body_size_bytes", histogram,
     "service http_request_method server_address server_port url_template",
     "Bodies sent with attempts that were answered, of requests that have one.", &base::body_sizes},
    {"http.client.response.body.size", "http_client_response_body_size_bytes", histogram,
     "service http_request_method server_address server_port url_template",
     "Bodies of complete answers as they came, before decoding.", &base::body_sizes},
    {"http.client.open_connections", "http_client_open_connections", gauge,
     "service http_connection_state", "Connections of the service's pools: active or idle."},
    {"http.client.connection.duration", "http_client_connection_duration_seconds", histogram, "",
     "Age of each connection when it was closed.", &base::connection_ages},
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
    {"callerapi.breaker.transitions", "callerapi_breaker_transitions_total", counter, "service to",
     "How often the breaker came to be open, half_open or closed again."},
    {"callerapi.breaker.rejected", "callerapi_breaker_rejected_total", counter, "service endpoint",
     "Calls that the breaker refused."},
    {"callerapi.instance.ejected", "callerapi_instance_ejected_total", counter, "service",
     "Instances left alone because they failed."},
    {"callerapi.check.count", "callerapi_check_count_total", counter, "service result",
     "Questions to its instances whether they are well: ok or failed."},
    {"callerapi.instances", "callerapi_instances", gauge, "service state",
     "Of a service at several places: ok, ejected or cooling; the last two are left alone."},
    {"callerapi.lb.panic", "callerapi_lb_panic_total", counter, "service",
     "Choices made without regard to ejections, for less than half would have been left."},
    {"callerapi.discovery.stale_seconds", "callerapi_discovery_stale_seconds", gauge, "service",
     "Since the last good answer, of services whose source of instances fails now."},
    {"callerapi.hedge.sent", "callerapi_hedge_sent_total", counter, "service",
     "Second requests of calls whose first answer was late."},
    {"callerapi.hedge.won", "callerapi_hedge_won_total", counter, "service",
     "Calls whose result was that of the second request."},
    {"callerapi.hedge.denied", "callerapi_hedge_denied_total", counter, "service",
     "Late answers that a budget or the allowance let nobody ask for again, or that no other "
     "instance could be asked for."},
    {"callerapi.inflight", "callerapi_inflight", gauge, "service", "Calls begun and not ended."},
    {"callerapi.limit", "callerapi_limit", gauge, "service",
     "What callerapi_inflight may come to: limits.inflight, where there is one, or what "
     "limits.adaptive makes of it now."},
    {"callerapi.queue.waiting", "callerapi_queue_waiting", gauge, "service",
     "Calls that wait for their turn within the limits."},
    {"callerapi.queue.duration", "callerapi_queue_duration_seconds", histogram, "service",
     "Waiting for their turn, by calls that had to, those in vain included."},
    {"callerapi.limit.refused", "callerapi_limit_refused_total", counter, "service reason",
     "Calls that the limits refused: inflight or rate where there is no queue, queue_full, "
     "queue_wait after all of timeouts.acquire, no_time where that would be too short."},
    {"callerapi.auth.refresh", "callerapi_auth_refresh_total", counter, "service result",
     "Credentials taken over (ok), and answers of their source that were errors (error)."},
    {"callerapi.pool.waiting", "callerapi_pool_waiting", gauge, "service",
     "Attempts that wait for a connection."},
    {"callerapi.pool.acquire.duration", "callerapi_pool_acquire_duration_seconds", histogram,
     "service", "Waiting for a connection while none was being opened, by calls that had to."},
    {"callerapi.phase.duration", "callerapi_phase_duration_seconds", histogram, "service phase",
     "Parts of a call's time, by calls that spent any there."},
    {"callerapi.plugin.generation", "callerapi_plugin_generation", gauge, "service",
     "Which load of its plugin serves it."},
    {"callerapi.plugin.inflight", "callerapi_plugin_inflight", gauge, "service generation",
     "Calls that hold the running plugin, where it has hooks."},
    {"callerapi.plugin.retired", "callerapi_plugin_retired", gauge, "state",
     "Replaced plugins: draining while calls hold them, overdue of these after 30 s, zombie when "
     "unloaded and still mapped."},
    {"callerapi.plugin.load", "callerapi_plugin_load_total", counter, "result",
     "Loads of plugins: loaded for a service that ran none of it, upgraded, or refused."},
    {"callerapi.plugin.load.duration", "callerapi_plugin_load_duration_seconds", histogram,
     "result",
     "From the verified file to a plugin that can be called, or its refusal. Files are read, "
     "verified and, where they are new, tried some at a time before."},
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
    {"dns.lookup.duration", "dns_lookup_duration_seconds", histogram, "result",
     "Questions for the addresses of names that no cache held: found or failed."},
    {"callerapi.dns.stale", "callerapi_dns_stale_total", counter, "",
     "Of these, answered with what had been good before."},
    {"callerapi.context.ignored", "callerapi_context_ignored_total", counter, "",
     "Fields of inbound requests that could not be read, of the whole process."},
    {"callerapi.span.failures", "callerapi_span_failures_total", counter, "",
     "Calls whose spans Options::on_span threw at."},
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
      "`Caller::metrics_text()`, the\n"
      "command `callerapi metrics` and the op `metrics` of the pipe write them in the text format "
      "of Prometheus. Durations\n"
      "are seconds, in the buckets that OpenTelemetry names for HTTP clients and their "
      "connections; sizes are bytes, in\n"
      "buckets from 64 B to 4 GiB, each four times the one before. An attempt has a status, an "
      "`error_type` "
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
