#include "catalogue/contract.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace callerapi::catalogue {
namespace {

std::array<unsigned long, 3> numbers(std::string_view version) {
  version = version.substr(0, version.find_first_of("-+"));
  std::array<unsigned long, 3> out{};
  for (unsigned long& number : out) {
    const auto dot = std::min(version.find('.'), version.size());
    std::from_chars(version.data(), version.data() + dot, number);
    version.remove_prefix(std::min(dot + 1, version.size()));
  }
  return out;
}

const policy::Param* find_param(const policy::Endpoint& endpoint, const std::string& name) {
  const auto found = std::ranges::find(endpoint.params, name, &policy::Param::name);
  return found == endpoint.params.end() ? nullptr : &*found;
}

std::string endpoint_break(const policy::Endpoint& old, const policy::Endpoint& next) {
  if (old.method != next.method) return "method is " + next.method + ", was " + old.method;
  if (old.path != next.path) return "path is " + next.path + ", was " + old.path;
  if (old.request_body != next.request_body)
    return "request body is " + std::string(policy::name(next.request_body)) + ", was " +
           std::string(policy::name(old.request_body));
  if (old.response_body != next.response_body)
    return "response body is " + std::string(policy::name(next.response_body)) + ", was " +
           std::string(policy::name(old.response_body));
  for (const policy::Param& param : old.params) {
    const policy::Param* now = find_param(next, param.name);
    if (now == nullptr || now->place != param.place || now->type != param.type)
      return "parameter '" + param.name + "' is gone or has another place or type";
  }
  for (const policy::Param& param : next.params) {
    const policy::Param* before = find_param(old, param.name);
    if (param.required && (before == nullptr || !before->required))
      return "parameter '" + param.name + "' is now required";
  }
  return {};
}

}  // namespace

std::string contract_break(const PluginTables& running, const PluginTables& next) {
  for (const EndpointTable& old : running.endpoints) {
    const auto same = [&](const EndpointTable& t) { return t.endpoint.name == old.endpoint.name; };
    const auto found = std::ranges::find_if(next.endpoints, same);
    if (found == next.endpoints.end()) return old.endpoint.name + ": the endpoint is gone";
    // Not the hash alone: it is what the plugin says of itself.
    if (const std::string what = endpoint_break(old.endpoint, found->endpoint); !what.empty())
      return old.endpoint.name + ": " + what;
  }
  return {};
}

int compare_versions(std::string_view a, std::string_view b) {
  const auto left = numbers(a), right = numbers(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

bool announces_break(std::string_view running, std::string_view next) {
  const auto old = numbers(running), now = numbers(next);
  return now[0] > old[0] || (now[0] == 0 && old[0] == 0 && now[1] > old[1]);
}

}  // namespace callerapi::catalogue
