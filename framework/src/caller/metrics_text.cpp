#include "caller/metrics_text.hpp"

#include <functional>

#include "base/inbound.hpp"
#include "caller/exposition.hpp"
#include "caller/host.hpp"

namespace callerapi::caller {
namespace {

using Services = std::map<std::string, std::shared_ptr<const catalogue::Service>, std::less<>>;
using policy::EndpointMeter;
using policy::sum;

/// Calls `f` with each service and each of its meters.
void each_endpoint(const Services& services,
                   const std::function<void(const catalogue::Service&, const EndpointMeter&)>& f) {
  for (const auto& [name, service] : services)
    for (const auto& meter : service->state->meter.endpoints()) f(*service, *meter);
}

void write_attempts(Exposition& out, const Services& services) {
  out.family("http_client_request_duration_seconds");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    const std::string port = s.base_url.scheme == "unix" ? "" : std::to_string(s.base_url.port);
    for (const auto* series : meter.series()) {
      const auto took = sum(series->took);
      if (took.count() == 0) continue;
      const int status = series->code.status();
      out.sample(
          {s.name, meter.method, s.base_url.host, port, status == 0 ? "" : std::to_string(status),
           series->code.error_type(), "1.1", meter.path},
          took);
    }
  });
  out.family("callerapi_call_attempts_total");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    std::uint64_t all = 0;
    for (const auto* series : meter.series()) all += sum(series->took).count();
    if (all > 0) out.sample({s.name, meter.endpoint}, all);
  });
}

void write_calls(Exposition& out, const Services& services) {
  out.family("callerapi_call_duration_seconds");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    for (const bool ok : {true, false})
      if (const auto* calls = meter.calls(ok))
        out.sample({s.name, meter.endpoint, ok ? "ok" : "error"}, sum(*calls));
  });
  out.family("callerapi_deadline_expired_total");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    for (std::size_t i = 0; i < policy::phases; ++i)
      if (const auto n = meter.expiries(static_cast<Phase>(i)); n > 0)
        out.sample({s.name, meter.endpoint, name(static_cast<Phase>(i))}, n);
    if (const auto n = meter.dark_expiries(); n > 0)
      out.sample({s.name, meter.endpoint, "dark"}, n);
  });
}

void write_retries(Exposition& out, const Services& services) {
  out.family("callerapi_retry_count_total");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    for (const auto* series : meter.series())
      if (const auto n = sum(series->retries); n > 0)
        out.sample({s.name, meter.endpoint, series->code.error_type()}, n);
  });
  out.family("callerapi_retry_stopped_total");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    for (std::size_t i = 0; i < policy::stop_reasons.size(); ++i)
      if (const auto n = meter.stops(i); n > 0)
        out.sample({s.name, meter.endpoint, policy::stop_reasons[i]}, n);
  });
  out.family("callerapi_breaker_rejected_total");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    if (const auto n = meter.rejections(); n > 0) out.sample({s.name, meter.endpoint}, n);
  });
  out.family("callerapi_retry_delay_seconds");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    const auto* delays = meter.delays();
    if (delays == nullptr) return;
    policy::Distribution all;
    delays->add_to(all);
    out.sample({s.name, meter.endpoint}, all);
  });
}

/// What the policies of each service stand at.
void write_policies(Exposition& out, const Services& services, TimePoint now) {
  out.family("callerapi_budget_balance");
  for (const auto& [name, s] : services) {
    const auto& terms = s->settings.policy.budget;
    const auto spent = s->state->budget.balance(now);
    const std::uint64_t allowed =
        (spent.first * static_cast<std::uint64_t>(terms.ratio_permille)) / 1000 +
        static_cast<std::uint64_t>(terms.min_per_second) * 10;
    out.sample({name}, allowed > spent.withdrawn ? allowed - spent.withdrawn : 0);
  }
  out.family("callerapi_breaker_state");
  for (const auto& [name, s] : services) {
    const auto view = s->state->breaker.view(s->settings.policy.breaker, now);
    out.sample({name}, static_cast<std::uint64_t>(view.state));
  }
  out.family("callerapi_instance_ejected_total");
  for (const auto& [name, s] : services) out.sample({name}, s->state->ejector.ejections());
}

void write_limits(Exposition& out, const Services& services) {
  out.family("callerapi_limit");
  for (const auto& [name, s] : services)
    out.sample({name}, static_cast<std::uint64_t>(s->settings.policy.limits.inflight));
  out.family("callerapi_queue_waiting");
  for (const auto& [name, s] : services)
    out.sample({name}, static_cast<std::uint64_t>(s->state->limits.waiting()));
  out.family("callerapi_queue_duration_seconds");
  for (const auto& [name, s] : services)
    if (const auto* turns = s->state->meter.turns()) out.sample({name}, sum(*turns));
  out.family("callerapi_limit_refused_total");
  for (const auto& [name, s] : services)
    for (std::size_t i = 0; i < policy::limit_reasons.size(); ++i)
      if (const auto n = s->state->meter.refusals(i); n > 0)
        out.sample({name, policy::limit_reasons[i]}, n);
}

void write_services(Exposition& out, const Services& services) {
  out.family("callerapi_inflight");
  for (const auto& [name, s] : services) out.sample({name}, s->state->meter.in_flight());
  write_limits(out, services);
  constexpr std::size_t queue = 0;
  out.family("callerapi_pool_acquire_duration_seconds");
  for (const auto& [name, s] : services)
    if (const auto* part = s->state->meter.part(queue)) out.sample({name}, sum(*part));
  out.family("callerapi_phase_duration_seconds");
  for (const auto& [name, s] : services)
    for (std::size_t i = queue + 1; i < policy::ServiceMeter::parts.size(); ++i)
      if (const auto* part = s->state->meter.part(i))
        out.sample({name, policy::ServiceMeter::parts[i]}, sum(*part));
  out.family("callerapi_plugin_generation");
  for (const auto& [name, s] : services) out.sample({name}, s->generation);
  out.family("callerapi_plugin_fault_total");
  for (const auto& [name, s] : services) {
    const auto* code = static_cast<const host::LoadedCode*>(s->code.get());
    if (code == nullptr) continue;
    out.sample({name, "failed"}, code->hook_failures());
    out.sample({name, "slow"}, code->hook_slow());
  }
}

}  // namespace

std::string metrics_text(const Host& host) {
  Exposition out;
  const auto snapshot = host.snapshot();
  const Services services(snapshot->services.begin(), snapshot->services.end());  // in order
  write_attempts(out, services);
  write_calls(out, services);
  write_retries(out, services);
  write_services(out, services);
  write_policies(out, services, host.now());
  const Stats stats = host.stats();
  out.family("callerapi_config_reload_total");
  out.sample({"applied"}, stats.reloads_applied);
  out.sample({"rejected"}, stats.reloads_refused);
  out.family("callerapi_hedge_sent_total");
  out.sample({}, stats.hedges);
  out.family("callerapi_connections_opened_total");
  out.sample({}, stats.connections_opened);
  out.family("callerapi_connections_reused_total");
  out.sample({}, stats.connections_reused);
  out.family("callerapi_connections_open");
  out.sample({}, stats.connections_open);
  out.family("callerapi_context_ignored_total");
  out.sample({}, base::inbound_ignored());
  return out.take();
}

}  // namespace callerapi::caller
