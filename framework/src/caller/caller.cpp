#include "callerapi/caller.hpp"

#include <algorithm>
#include <utility>

#include "caller/contract.hpp"
#include "caller/host.hpp"
#include "caller/metrics_text.hpp"
#include "callerapi/client.hpp"

namespace callerapi {
namespace {

/// A request without a context of its own gets that of the thread's scope.
void lend_context(Request& request) {
  if (request.lent) return;
  if (const Context* context = ContextScope::current()) request.lent = *context;
}

/// The endpoint `found` of the service that the call has begun with.
caller::Host::Parts declared(caller::Host& host, caller::Host::Begun begun,
                             const catalogue::Endpoint& found, Request& request) {
  policy::Prepared& call = begun.parts->prepared;
  if (auto prepared = policy::prepare(call, begun.service->view(), found.declared, found.path,
                                      found.settings.policy, request, host.loop());
      !prepared)
    return std::move(prepared).error();
  call.meter = found.meter;
  return std::move(begun.parts);
}

caller::Host::Parts by_name(caller::Host& host, std::string_view service, std::string_view endpoint,
                            Request& request) {
  lend_context(request);
  auto begun = host.begin(service);
  if (!begun) return std::move(begun).error();
  auto found = catalogue::find_endpoint(*begun->service, endpoint);
  if (!found) return std::move(found).error();
  return declared(host, std::move(*begun), **found, request);
}

caller::Host::Parts ad_hoc(caller::Host& host, std::string_view service, std::string_view method,
                           std::string_view path, Request& request) {
  lend_context(request);
  auto begun = host.begin(service);
  if (!begun) return std::move(begun).error();
  const catalogue::Service& s = *begun->service;
  if (auto prepared = policy::prepare_ad_hoc(begun->parts->prepared, s.view(), method, path,
                                             s.settings.policy, request, host.loop());
      !prepared)
    return std::move(prepared).error();
  begun->parts->prepared.meter = s.meter;
  return std::move(begun->parts);
}

caller::Host::Parts typed(caller::Host& host, std::string_view service,
                          const capi_endpoint& contract, Request& request) {
  lend_context(request);
  auto begun = host.begin(service);
  if (!begun) return std::move(begun).error();
  auto found = catalogue::find_endpoint(*begun->service, {contract.name.ptr, contract.name.len});
  if (!found) return std::move(found).error();
  if (auto fits = caller::check_contract(*begun->service, (*found)->declared, contract); !fits)
    return std::move(fits).error();
  return declared(host, std::move(*begun), **found, request);
}

Result<std::shared_ptr<caller::Host>> opened(caller::Source source, Options options) {
  return caller::Host::open(std::move(source), std::move(options));
}

}  // namespace

Caller::Caller(std::shared_ptr<caller::Host> host) : host_(std::move(host)) {}
Caller::Caller(Caller&&) noexcept = default;
Caller& Caller::operator=(Caller&& other) noexcept {
  std::swap(host_, other.host_);
  return *this;
}
Caller::~Caller() {
  if (!host_ || !host_->forked()) return;
  host_->abandon();
}

Result<Caller> Caller::open(const std::string& registry_path, Options options) {
  auto host = opened({registry_path, {}}, std::move(options));
  if (!host) return std::move(host).error();
  return Caller(std::move(*host));
}

Result<Caller> Caller::from_toml(std::string_view text, Options options) {
  auto host = opened({{}, std::string(text)}, std::move(options));
  if (!host) return std::move(host).error();
  return Caller(std::move(*host));
}

Result<Caller> Caller::from_toml(std::string_view text,
                                 std::shared_ptr<testing::Transport> transport) {
  Options options;
  options.transport = std::move(transport);
  return from_toml(text, std::move(options));
}

std::vector<Error> Caller::lint(const std::string& registry_path) {
  std::vector<Error> faults;
  const auto read =
      registry::read_registry(registry_path, registry::process_environment(), &faults);
  if (!read && faults.empty()) faults.push_back(read.error());
  return faults;
}

Result<Response> Caller::call(std::string_view service, std::string_view endpoint,
                              Request request) {
  return host_->run(by_name(*host_, service, endpoint, request));
}
Call<Response> Caller::start(std::string_view service, std::string_view endpoint, Request request) {
  return host_->start(by_name(*host_, service, endpoint, request));
}
Result<Response> Caller::request(std::string_view service, std::string_view method,
                                 std::string_view path, Request request) {
  return host_->run(ad_hoc(*host_, service, method, path, request));
}
Call<Response> Caller::start_request(std::string_view service, std::string_view method,
                                     std::string_view path, Request request) {
  return host_->start(ad_hoc(*host_, service, method, path, request));
}
Result<Response> Caller::call_typed(std::string_view service, const capi_endpoint& contract,
                                    Request request) {
  return host_->run(typed(*host_, service, contract, request));
}
Call<Response> Caller::start_typed(std::string_view service, const capi_endpoint& contract,
                                   Request request) {
  return host_->start(typed(*host_, service, contract, request));
}

Call<BodyStream> Caller::start_stream(std::string_view service, std::string_view endpoint,
                                      Request request) {
  return host_->start_stream(by_name(*host_, service, endpoint, request), nullptr);
}
Result<BodyStream> Caller::open_stream(std::string_view service, std::string_view endpoint,
                                       Request request) {
  return start_stream(service, endpoint, std::move(request)).get();
}
Result<BodyStream> Caller::request_stream(std::string_view service, std::string_view method,
                                          std::string_view path, Request request) {
  return host_->start_stream(ad_hoc(*host_, service, method, path, request), nullptr).get();
}
Call<BodyStream> Caller::start_stream_typed(std::string_view service, const capi_endpoint& contract,
                                            Request request) {
  return host_->start_stream(typed(*host_, service, contract, request), &detail::status_error);
}

Result<ReloadReport> Caller::reload() { return host_->reload(); }
std::vector<ReloadRecord> Caller::reloads() const { return host_->reloads(); }

std::vector<ServiceInfo> Caller::services() const {
  std::vector<ServiceInfo> out;
  for (const auto& [name, s] : host_->snapshot()->services) {
    ServiceInfo& info = out.emplace_back(ServiceInfo{.name = name,
                                                     .plugin = s->plugin_id,
                                                     .plugin_version = s->plugin_version,
                                                     .owner = s->owner,
                                                     .base_url = s->base_url_text,
                                                     .endpoints = s->endpoints.size(),
                                                     .generation = s->generation});
    info.breaker =
        policy::name(s->state->breaker.view(s->settings.policy.breaker, host_->loop().now()).state);
    info.ejections = s->state->ejector.ejections();
    if (const auto failing = s->discovery->failing()) info.discovery_error = failing->message;
    for (const auto& one : s->instances->all())
      info.instances.push_back({one->name, std::string(one->state(host_->loop().now())),
                                static_cast<std::size_t>(std::max(0, one->health->in_flight()))});
    // Host::build_one() makes every code of a service.
    if (const auto* code = static_cast<const host::LoadedCode*>(s->code.get())) {
      info.hook_failures = code->hook_failures();
      info.hook_slow = code->hook_slow();
      info.hooks_off = code->hooks_off();
    }
  }
  std::ranges::sort(out, {}, &ServiceInfo::name);
  return out;
}

Result<std::vector<EndpointInfo>> Caller::endpoints(std::string_view service) const {
  const auto snapshot = host_->snapshot();
  const auto found = snapshot->find(service);
  if (!found) return found.error();
  std::vector<EndpointInfo> out;
  for (const auto& [name, endpoint] : (**found)->endpoints)
    out.push_back(policy::info(endpoint.declared));
  return out;
}

Result<std::vector<SettingInfo>> Caller::explain(std::string_view service,
                                                 std::string_view endpoint) const {
  const auto snapshot = host_->snapshot();
  const auto found = snapshot->find(service);
  if (!found) return found.error();
  const catalogue::Effective* effective = &(**found)->settings;
  if (!endpoint.empty()) {
    auto one = catalogue::find_endpoint(***found, endpoint);
    if (!one) return std::move(one).error();
    effective = &(*one)->settings;
  }
  std::vector<SettingInfo> out;
  for (const catalogue::Origin& o : effective->origins) out.push_back({o.key, o.value, o.from});
  return out;
}

std::vector<std::shared_ptr<const CallRecord>> Caller::recent_calls() const {
  return host_->call_log().all();
}

std::string Caller::metrics_text() const { return caller::metrics_text(*host_); }

Stats Caller::stats() const { return host_->stats(); }

void Caller::shutdown(Duration drain) { host_->shutdown(drain); }

}  // namespace callerapi
