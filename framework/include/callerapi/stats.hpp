#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace callerapi {

/// Counters since the Caller was opened. A value, as is everything in this header. Values only
/// rise, but for the gauges, which say so.
struct Stats {
  std::uint64_t calls = 0;               ///< Calls begun.
  std::uint64_t calls_failed = 0;        ///< Calls that ended with an Error.
  std::uint64_t attempts = 0;            ///< Requests begun on the wire.
  std::uint64_t retries = 0;             ///< Attempts after the first, transparent ones included.
  std::uint64_t connections_opened = 0;  ///< TCP connections made.
  std::uint64_t connections_reused = 0;  ///< Attempts that found a kept connection.
  std::uint64_t connections_open = 0;    ///< Gauge: open now, idle ones included.
  std::uint64_t calls_in_flight = 0;     ///< Gauge.
  std::uint64_t reloads_applied = 0;     ///< Opening included.
  std::uint64_t reloads_refused = 0;     ///< The registry, or a plugin, was at fault.
  std::uint64_t generation = 0;          ///< Gauge: number of the published snapshot.
  std::uint64_t plugins_draining = 0;    ///< Gauge: replaced plugins that calls still hold.
  std::uint64_t plugins_overdue = 0;     ///< Gauge: of these, beyond their drain time of 30 s.
  std::uint64_t plugins_zombie = 0;      ///< Gauge: unloaded and still mapped, in this process.
  std::uint64_t hook_failures = 0;       ///< Hooks that failed or threw.
  std::uint64_t hook_slow = 0;           ///< Hooks that took over 50 ms.
  std::uint64_t retries_denied = 0;      ///< Retries that the budget of a service did not allow.
  /// Attempts that the breaker of a service refused, or would have refused were it not dark.
  std::uint64_t breaker_rejected = 0;
  std::uint64_t hedges = 0;         ///< Second requests of calls whose first answer was late.
  std::uint64_t span_failures = 0;  ///< Calls whose spans Options::on_span threw at.
};

/// One place where a service runs.
struct InstanceInfo {
  std::string name;           ///< "10.0.0.7:8080"
  std::string state;          ///< ok; ejected: it failed, cooling: it asked; both are left alone.
  std::size_t in_flight = 0;  ///< Attempts.
};

/// One service as it is registered.
struct ServiceInfo {
  std::string name, plugin, plugin_version, owner, base_url;  ///< `plugin`: the plugin's id.
  std::size_t endpoints = 0;                                  ///< How many it declares.
  std::uint64_t generation = 0;                               ///< Which load of its plugin.
  std::uint64_t hook_failures = 0;  ///< Of this generation: hooks that failed or threw,
  std::uint64_t hook_slow = 0;      ///< or took over 50 ms.
  bool hooks_off =
      false;  ///< A hook threw across the border or was slow ten times in a row, and rests.
  /// State of its breaker now: closed, open, half_open, forced_open, forced_closed, off.
  std::string breaker;
  std::vector<InstanceInfo> instances;  ///< One, unless its registry or discovery names several.
  std::string discovery_error;  ///< Why `instances` are of the last good answer and no newer one;
                                ///< empty: they are what holds.
  std::uint64_t ejections = 0;  ///< How often one of them was.
};

/// One parameter of an endpoint.
struct ParameterInfo {
  std::string name;
  std::string place;  ///< path, query, header, form, location
  std::string type;   ///< text, integer, real, boolean
  bool required = false;
};

/// One endpoint of a service.
struct EndpointInfo {
  std::string name, method, path;
  std::string body;         ///< none, json, form, multipart, bytes
  std::string idempotency;  ///< yes, no, key
  std::vector<ParameterInfo> parameters;
};

/// One effective setting and where it came from: built-in, plugin, registry.toml:LINE, environment.
struct SettingInfo {
  std::string key, value, origin;
};

/// What reload() did.
struct ReloadReport {
  std::vector<std::string> added, changed, removed;  ///< Names of services.
  std::uint64_t generation = 0;                      ///< Number of the snapshot now published.
};

/// One reload as it went, whoever asked for it.
struct ReloadRecord {
  std::chrono::system_clock::time_point at;  ///< When it was decided.
  bool applied = false;
  std::uint64_t generation = 0;  ///< Number of the snapshot in force after it.
  /// One line per service: "billing: changed: timeouts.total 30s -> 5s". Secrets are "(hidden)".
  std::vector<std::string> changes;
  std::string reason, message;  ///< Why it was refused; empty when applied.
};

}  // namespace callerapi
