#include "caller/metrics_text.hpp"

#include <functional>

#include "caller/exposition.hpp"
#include "caller/host.hpp"
#include "caller/metrics_services.hpp"

namespace callerapi::caller {
namespace {

using base::sum;
using policy::EndpointMeter;

/// Calls `f` with each service and each of its meters.
void each_endpoint(const Services& services,
                   const std::function<void(const catalogue::Service&, const EndpointMeter&)>& f) {
  for (const auto& [name, service] : services)
    for (const auto& meter : service->state->meter.endpoints()) f(*service, *meter);
}

void write_bodies(Exposition& out, const Services& services) {
  using Held = const base::Sharded<base::Sizes>*;
  const auto write = [&](const char* family, Held (EndpointMeter::*held)() const noexcept) {
    out.family(family);
    each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
      if (const Held sizes = (meter.*held)())
        out.sample({s.name, meter.method, s.base_url.host, port_text(s), meter.path}, sum(*sizes));
    });
  };
  write("http_client_request_body_size_bytes", &EndpointMeter::sent);
  write("http_client_response_body_size_bytes", &EndpointMeter::received);
}

void write_attempts(Exposition& out, const Services& services) {
  out.family("http_client_request_duration_seconds");
  each_endpoint(services, [&](const catalogue::Service& s, const EndpointMeter& meter) {
    const std::string port = port_text(s);
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
    out.sample({s.name, meter.endpoint}, sum(*delays));
  });
}

}  // namespace

std::string metrics_text(const Host& host) {
  Exposition out;
  const auto snapshot = host.snapshot();
  const Services services(snapshot->services.begin(), snapshot->services.end());  // in order
  write_attempts(out, services);
  write_bodies(out, services);
  write_calls(out, services);
  write_retries(out, services);
  write_services(out, services, host.now());
  write_process(out, host);
  return out.take();
}

}  // namespace callerapi::caller
