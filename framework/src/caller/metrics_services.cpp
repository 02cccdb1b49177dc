#include "caller/metrics_services.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/inbound.hpp"
#include "caller/host.hpp"

namespace callerapi::caller {
namespace {

using base::sum;
using policy::BreakerState;

/// A family with one sample for each service.
template <class Value>
void each(Exposition& out, const char* family, const Services& services, const Value& value) {
  out.family(family);
  for (const auto& [name, service] : services) value(*service);
}

std::uint64_t active_requests(const catalogue::Service& service) {
  std::int64_t all = 0;
  for (const auto& instance : service.instances->all()) all += instance->health->in_flight();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, all));
}

pool::Origin::Census census(const catalogue::Service& service) {
  pool::Origin::Census all;
  for (const auto& instance : service.instances->all()) {
    const auto one = instance->origin->census();
    all.active += one.active;
    all.idle += one.idle;
    all.waiting += one.waiting;
  }
  return all;
}

void write_load(Exposition& out, const Services& services) {
  each(out, "callerapi_inflight", services,
       [&](const auto& s) { out.sample({s.name}, s.state->meter.in_flight()); });
  each(out, "http_client_active_requests", services, [&](const auto& s) {
    out.sample({s.name, s.base_url.host, port_text(s)}, active_requests(s));
  });
  each(out, "callerapi_limit", services, [&](const auto& s) {
    const auto most = s.state->limits.live(s.settings.policy.limits).inflight;
    if (most > 0) out.sample({s.name}, static_cast<std::uint64_t>(most));
  });
}

void write_turns(Exposition& out, const Services& services) {
  each(out, "callerapi_queue_waiting", services, [&](const auto& s) {
    out.sample({s.name}, static_cast<std::uint64_t>(s.state->limits.waiting()));
  });
  each(out, "callerapi_queue_duration_seconds", services, [&](const auto& s) {
    if (const auto* turns = s.state->meter.turns()) out.sample({s.name}, sum(*turns));
  });
  each(out, "callerapi_limit_refused_total", services, [&](const auto& s) {
    for (std::size_t i = 0; i < policy::limit_reasons.size(); ++i)
      if (const auto n = s.state->meter.refusals(i); n > 0)
        out.sample({s.name, policy::limit_reasons[i]}, n);
  });
}

void write_pools(Exposition& out, const Services& services) {
  each(out, "http_client_open_connections", services, [&](const auto& s) {
    const auto now = census(s);
    out.sample({s.name, "active"}, now.active);
    out.sample({s.name, "idle"}, now.idle);
  });
  each(out, "callerapi_pool_waiting", services,
       [&](const auto& s) { out.sample({s.name}, census(s).waiting); });
  constexpr std::size_t queue = 0;
  each(out, "callerapi_pool_acquire_duration_seconds", services, [&](const auto& s) {
    if (const auto* part = s.state->meter.part(queue)) out.sample({s.name}, sum(*part));
  });
  each(out, "callerapi_phase_duration_seconds", services, [&](const auto& s) {
    for (std::size_t i = queue + 1; i < policy::ServiceMeter::parts.size(); ++i)
      if (const auto* part = s.state->meter.part(i))
        out.sample({s.name, policy::ServiceMeter::parts[i]}, sum(*part));
  });
}

void write_breakers(Exposition& out, const Services& services, TimePoint now) {
  each(out, "callerapi_budget_balance", services, [&](const auto& s) {
    const auto spent = s.state->budget.balance(now);
    const auto allowed = policy::Budget::allowed(s.settings.policy.budget, spent.first);
    out.sample({s.name}, allowed > spent.withdrawn ? allowed - spent.withdrawn : 0);
  });
  each(out, "callerapi_breaker_state", services, [&](const auto& s) {
    const auto view = s.state->breaker.view(s.settings.policy.breaker, now);
    out.sample({s.name}, static_cast<std::uint64_t>(view.state));
  });
  each(out, "callerapi_breaker_transitions_total", services, [&](const auto& s) {
    for (const auto to : {BreakerState::open, BreakerState::half_open, BreakerState::closed})
      out.sample({s.name, name(to)}, s.state->breaker.transitions(to));
  });
}

void write_instances(Exposition& out, const Services& services, TimePoint now) {
  each(out, "callerapi_instance_ejected_total", services,
       [&](const auto& s) { out.sample({s.name}, s.state->ejector.ejections()); });
  each(out, "callerapi_check_count_total", services, [&](const auto& s) {
    const auto& checks = s.state->checks;
    if (s.settings.policy.check.path.empty() && checks.passed + checks.failed == 0) return;
    out.sample({s.name, "ok"}, checks.passed.load());
    out.sample({s.name, "failed"}, checks.failed.load());
  });
  each(out, "callerapi_instances", services, [&](const auto& s) {
    const auto all = s.instances->all();
    if (all.size() < 2) return;
    for (const std::string_view state : {"ok", "ejected", "cooling"})
      out.sample({s.name, state}, static_cast<std::uint64_t>(std::ranges::count_if(
                                      all, [&](const auto& i) { return i->state(now) == state; })));
  });
  each(out, "callerapi_lb_panic_total", services, [&](const auto& s) {
    if (s.instances->all().size() > 1 || s.state->ejector.panics() > 0)
      out.sample({s.name}, s.state->ejector.panics());
  });
  each(out, "callerapi_discovery_stale_seconds", services, [&](const auto& s) {
    if (!s.discovery->failing()) return;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(s.discovery->stale(now));
    out.sample({s.name}, static_cast<std::uint64_t>(since.count()));
  });
  const auto hedges = [&](const char* family, base::Counter policy::Hedging::*counter) {
    each(out, family, services, [&](const auto& s) {
      const std::uint64_t n = (s.state->hedging.*counter).load(std::memory_order_relaxed);
      if (s.settings.policy.hedge.max_hedges > 0 || n > 0) out.sample({s.name}, n);
    });
  };
  hedges("callerapi_hedge_sent_total", &policy::Hedging::sent);
  hedges("callerapi_hedge_won_total", &policy::Hedging::won);
  hedges("callerapi_hedge_denied_total", &policy::Hedging::denied);
}

void write_plugins(Exposition& out, const Services& services) {
  each(out, "callerapi_auth_refresh_total", services, [&](const auto& s) {
    if (!s.credential) return;
    out.sample({s.name, "ok"}, s.credential->renewed());
    out.sample({s.name, "error"}, s.credential->failed());
  });
  const auto code_of = [](const catalogue::Service& s) {
    return static_cast<const host::LoadedCode*>(s.code.get());
  };
  each(out, "callerapi_plugin_generation", services,
       [&](const auto& s) { out.sample({s.name}, s.generation); });
  each(out, "callerapi_plugin_inflight", services, [&](const auto& s) {
    if (const auto* code = code_of(s))
      out.sample({s.name, std::to_string(s.generation)}, code->leases());
  });
  each(out, "callerapi_plugin_fault_total", services, [&](const auto& s) {
    const auto* code = code_of(s);
    if (code == nullptr) return;
    out.sample({s.name, "failed"}, code->hook_failures());
    out.sample({s.name, "slow"}, code->hook_slow());
  });
}

void write_loads(Exposition& out, const host::Counters& plugins) {
  const std::array<std::pair<std::string_view, const host::Loads*>, 3> kinds = {
      {{"loaded", &plugins.loaded},
       {"upgraded", &plugins.upgraded},
       {"refused", &plugins.refused}}};
  out.family("callerapi_plugin_load_total");
  for (const auto& [result, loads] : kinds) out.sample({result}, loads->count.load());
  out.family("callerapi_plugin_load_duration_seconds");
  for (const auto& [result, loads] : kinds)
    if (loads->count.load() > 0) out.sample({result}, sum(loads->took));
}

void write_names(Exposition& out, const wire::NameCounters& names) {
  out.family("dns_lookup_duration_seconds");
  if (const auto found = sum(names.found); found.count() > 0) out.sample({"found"}, found);
  if (const auto failed = sum(names.failed); failed.count() > 0) out.sample({"failed"}, failed);
  out.family("callerapi_dns_stale_total");
  out.sample({}, names.stale.load());
}

}  // namespace

std::string port_text(const catalogue::Service& service) {
  return service.base_url.scheme == "unix" ? "" : std::to_string(service.base_url.port);
}

void write_services(Exposition& out, const Services& services, TimePoint now) {
  write_load(out, services);
  write_turns(out, services);
  write_pools(out, services);
  write_breakers(out, services, now);
  write_instances(out, services, now);
  write_plugins(out, services);
}

void write_process(Exposition& out, const Host& host) {
  const Stats stats = host.stats();
  out.family("callerapi_plugin_retired");
  out.sample({"draining"}, stats.plugins_draining);
  out.sample({"overdue"}, stats.plugins_overdue);
  out.sample({"zombie"}, stats.plugins_zombie);
  write_loads(out, host.plugin_counters());
  out.family("callerapi_config_reload_total");
  out.sample({"applied"}, stats.reloads_applied);
  out.sample({"rejected"}, stats.reloads_refused);
  out.family("callerapi_connections_opened_total");
  out.sample({}, stats.connections_opened);
  out.family("callerapi_connections_reused_total");
  out.sample({}, stats.connections_reused);
  out.family("callerapi_connections_open");
  out.sample({}, stats.connections_open);
  out.family("http_client_connection_duration_seconds");
  if (const auto ages = sum(host.connection_ages()); ages.count() > 0) out.sample({}, ages);
  write_names(out, host.name_counters());
  out.family("callerapi_context_ignored_total");
  out.sample({}, base::inbound_ignored());
  out.family("callerapi_span_failures_total");
  out.sample({}, stats.span_failures);
}

}  // namespace callerapi::caller
