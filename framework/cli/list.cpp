#include "list.hpp"

#include <iostream>

#include "commands.hpp"
#include "explain.hpp"

namespace callerapi::cli {
namespace {

json::Writer begin(const char* schema) {
  json::Writer out;
  out.begin_object().member("schema", schema);
  return out;
}

int end(json::Writer& out) {
  out.end_object();
  std::cout << out.text() << '\n';
  return 0;
}

std::string parameters_text(const EndpointInfo& endpoint) {
  std::string text;
  for (const ParameterInfo& p : endpoint.parameters)
    text += (text.empty() ? "" : " ") + p.place + ":" + p.name + (p.required ? "" : "?");
  return text;
}

}  // namespace

void write_service(json::Writer& out, const ServiceInfo& service) {
  out.begin_object()
      .member("name", service.name)
      .member("plugin", service.plugin)
      .member("version", service.plugin_version)
      .member("owner", service.owner)
      .member("base_url", service.base_url)
      .member("endpoints", service.endpoints)
      .member("generation", service.generation)
      .member("breaker", service.breaker)
      .member("hooks_off", service.hooks_off)
      .member("ejections", service.ejections)
      .member("discovery_error", service.discovery_error)
      .key("instances")
      .begin_array();
  for (const InstanceInfo& one : service.instances)
    out.begin_object()
        .member("name", one.name)
        .member("state", one.state)
        .member("in_flight", one.in_flight)
        .end_object();
  out.end_array().end_object();
}

int run_services(const Common& common) {
  auto caller = open(common);
  if (!caller) return report(caller.error());
  if (!common.json) {
    std::vector<std::vector<std::string>> rows{
        {"SERVICE", "PLUGIN", "VERSION", "OWNER", "ENDPOINTS", "BASE_URL"}};
    for (const ServiceInfo& s : caller->services())
      rows.push_back(
          {s.name, s.plugin, s.plugin_version, s.owner, std::to_string(s.endpoints), s.base_url});
    print_table(rows);
    return 0;
  }
  json::Writer out = begin("callerapi.services/1");
  out.key("services").begin_array();
  for (const ServiceInfo& s : caller->services()) write_service(out, s);
  out.end_array();
  return end(out);
}

void print_endpoints(const std::vector<EndpointInfo>& endpoints) {
  std::vector<std::vector<std::string>> rows{
      {"ENDPOINT", "METHOD", "PATH", "BODY", "REPEATABLE", "PARAMETERS"}};
  for (const EndpointInfo& e : endpoints)
    rows.push_back({e.name, e.method, e.path, e.body, e.idempotency, parameters_text(e)});
  print_table(rows);
}

void write_endpoints(json::Writer& out, const std::vector<EndpointInfo>& endpoints) {
  out.key("endpoints").begin_array();
  for (const EndpointInfo& e : endpoints) {
    out.begin_object()
        .member("name", e.name)
        .member("method", e.method)
        .member("path", e.path)
        .member("body", e.body)
        .member("idempotency", e.idempotency)
        .key("parameters")
        .begin_array();
    for (const ParameterInfo& p : e.parameters)
      out.begin_object()
          .member("name", p.name)
          .member("place", p.place)
          .member("type", p.type)
          .member("required", p.required)
          .end_object();
    out.end_array().end_object();
  }
  out.end_array();
}

int run_endpoints(const Common& common, const std::string& service) {
  auto caller = open(common);
  if (!caller) return report(caller.error());
  auto endpoints = caller->endpoints(service);
  if (!endpoints) return report(endpoints.error());
  if (!common.json) {
    print_endpoints(*endpoints);
    return 0;
  }
  json::Writer out = begin("callerapi.endpoints/1");
  out.member("service", service);
  write_endpoints(out, *endpoints);
  return end(out);
}

/// In words, what a call of the endpoint comes to.
void print_plan(const Caller& caller, const std::string& service, const std::string& endpoint,
                const std::vector<SettingInfo>& settings) {
  const auto value = [&](std::string_view key) {
    for (const SettingInfo& s : settings)
      if (s.key == key) return s.value;
    return std::string();
  };
  std::string base;
  for (const ServiceInfo& s : caller.services())
    if (s.name == service) base = s.base_url;
  const auto endpoints = caller.endpoints(service);
  if (!endpoints) return;
  for (const EndpointInfo& e : *endpoints) {
    if (e.name != endpoint) continue;
    std::cout << "\nA call sends " << e.method << ' ' << base << e.path << " and ends after "
              << value("timeouts.total") << " at the latest. ";
    if (e.idempotency == "no")
      std::cout << "It may not be sent twice: only an attempt that never left is repeated.\n";
    else
      std::cout << "It may be sent twice: at most " << value("retry.max_attempts")
                << " attempts.\n";
    std::cout << "See the request itself: callerapi call " << service << ' ' << endpoint
              << " --dry-run\n";
  }
}

int run_explain(const Common& common, const std::string& service, const std::string& endpoint) {
  auto caller = open(common);
  if (!caller) return report(caller.error());
  auto settings = caller->explain(service, endpoint);
  if (!settings) return report(settings.error());
  if (!common.json) {
    print_settings(*settings);
    if (!endpoint.empty()) print_plan(*caller, service, endpoint, *settings);
    return 0;
  }
  json::Writer out = begin("callerapi.explain/1");
  out.member("service", service).member("endpoint", endpoint);
  write_settings(out, *settings);
  return end(out);
}

}  // namespace callerapi::cli
