// What Host does from a registry to a published snapshot: read, build, publish.
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "caller/host.hpp"

namespace callerapi::caller {

registry::Environment Host::environment_of(const Options& options) {
  return options.environment ? *options.environment : registry::process_environment();
}

Result<registry::Registry> Host::read() const {
  registry::Environment environment = environment_of(options_);
  if (!options_.env_file.empty())
    if (auto added = registry::add_env_file(environment, options_.env_file); !added)
      return std::move(added).error();
  if (!source_.file.empty()) return registry::read_registry(source_.file, environment);
  std::error_code gone;
  const auto here = std::filesystem::current_path(gone);
  if (gone)
    return Error{.outcome = Outcome::registry_invalid,
                 .reason = "folder",
                 .message =
                     "registry: relative paths start at the working directory, which cannot "
                     "be found: " +
                     gone.message() + "; change to one that is there"};
  return registry::parse_registry(source_.text, "registry", here, environment);
}

host::LoadRequest Host::load_request(const registry::Registry& registry,
                                     const registry::ServiceEntry& entry) {
  host::LoadRequest request{.service = entry.name,
                            .plugin = entry.plugin,
                            .plugin_dir = registry.plugin_dir,
                            .sha256 = entry.sha256,
                            .require_pins = registry.require_pins,
                            .insecure_permissions = registry.insecure_permissions,
                            .pinned = entry.pinned,
                            .allow_downgrade = entry.allow_downgrade,
                            .safe_mode = safe_mode_,
                            .debugged = debug_plugins_,
                            .config = entry.config};
  const auto previous = built_.find(entry.name);
  request.replaces = previous != built_.end();
  if (request.replaces && previous->second.entry.plugin == entry.plugin) {
    request.running = previous->second.generation;
    request.same_setup = previous->second.entry.config == entry.config &&
                         previous->second.entry.pinned == entry.pinned;
  }
  return request;
}

Result<Host::Built> Host::build_one(const registry::Registry& registry,
                                    const registry::ServiceEntry& entry,
                                    const host::LoadRequest& request,
                                    Result<std::shared_ptr<const host::Generation>> generation) {
  if (!generation) return std::move(generation).error();
  const auto previous = built_.find(entry.name);
  const bool running = request.running == *generation;
  if (running && previous->second.entry == entry) return previous->second;
  auto service = catalogue::make_service(entry.name, (*generation)->tables, entry.layers);
  auto url = wire::parse_base_url(entry.base_url);
  if (!service || !url) {
    if (!running && (*generation)->code) (*generation)->code->close();
    return service ? std::move(url).error() : std::move(service).error();
  }
  catalogue::Service& s = **service;
  s.base_url = std::move(*url);
  s.base_url_text = entry.base_url;
  s.authority = s.base_url.authority();
  s.caller_name = registry.caller_name;
  s.generation = (*generation)->number;
  s.code = (*generation)->code;
  auto connecting = pool_settings(s, entry);
  if (!connecting) {
    if (!running && (*generation)->code) (*generation)->code->close();
    return std::move(connecting).error();
  }
  const catalogue::Service* before =
      previous == built_.end() ? nullptr : previous->second.service.get();
  const bool same_source = before && before->base_url.scheme == s.base_url.scheme &&
                           before->base_url.host == s.base_url.host &&
                           before->base_url.port == s.base_url.port &&
                           previous->second.entry.instances == entry.instances &&
                           previous->second.entry.discovery == entry.discovery;
  s.discovery = same_source ? before->discovery : discovery(s, entry);
  s.state = previous == built_.end() ? std::make_shared<policy::ServiceState>()
                                     : previous->second.service->state;
  s.instances = instances(*connecting, s.discovery->sites(), s.settings.policy.balance.policy,
                          *s.state, before);
  // A token that is in force stays so when nothing that it was got with has changed.
  const bool same_auth = previous != built_.end() && previous->second.entry.auth == entry.auth;
  s.credential =
      same_auth ? previous->second.service->credential : credentials_->make(entry.name, entry.auth);
  // For as long as the state lives, so that counters go on where a reload changed nothing.
  for (auto& [name, endpoint] : s.endpoints)
    endpoint.meter =
        s.state->meter.endpoint(name, endpoint.declared.method, endpoint.declared.path).get();
  s.meter = s.state->meter.endpoint("", "_OTHER", "").get();
  return Built{entry, std::move(*generation), std::move(*service)};
}

/// What decides about the connections of a service. A TLS context stays as long as nothing it
/// depends on changes: another one makes another pool.
Result<pool::Settings> Host::pool_settings(const catalogue::Service& service,
                                           const registry::ServiceEntry& entry) const {
  pool::Settings settings = service.settings.pool;
  settings.host = service.base_url.host;
  settings.port = service.base_url.port;
  settings.allow_addresses = entry.allow_addresses;
  settings.proxy = entry.proxy;
  if (service.base_url.scheme != "https") return settings;
  if (const auto previous = built_.find(entry.name); previous != built_.end()) {
    const catalogue::Service& before = *previous->second.service;
    if (before.base_url.host == settings.host && before.base_url.port == settings.port &&
        previous->second.entry.tls == entry.tls && !before.instances->all().empty())
      settings.tls = before.instances->all().front()->origin->settings().tls;
  }
  if (!settings.tls) {
    auto made = wire::TlsContext::make(entry.tls, settings.host, settings.port);
    if (!made) return std::move(made).error();
    settings.tls = std::move(*made);
  }
  return settings;
}

/// Of a service that is not required and cannot be had as the registry has it now.
void Host::keep_or_leave_out(const std::string& name, const Error& why, LogLevel level,
                             BuiltMap& next) {
  const auto old = built_.find(name);
  const bool runs = old != built_.end();
  log_.write(level, "registry",
             why.message + "; not required, so it is " + (runs ? "kept as it was" : "left out"));
  if (runs) next.insert(*old);
}

Result<Host::BuiltMap> Host::build(const registry::Registry& registry) {
  std::vector<host::LoadRequest> requests;
  for (const registry::ServiceEntry& entry : registry.services)
    requests.push_back(load_request(registry, entry));
  const host::LoadWith with = load_with();
  host::LoadsInTurn loads(requests, with);
  BuiltMap next;
  for (const registry::Skipped& one : registry.skipped)
    keep_or_leave_out(one.name, one.why, LogLevel::warning, next);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const registry::ServiceEntry& entry = registry.services[i];
    auto built = build_one(registry, entry, requests[i], loads.next());
    if (!built && !entry.required) {
      keep_or_leave_out(entry.name, built.error(), LogLevel::error, next);
      continue;
    }
    if (!built) {
      // All or nothing: what was loaded for this attempt goes again.
      for (auto& [name, loaded] : next) {
        const auto old = built_.find(name);
        const bool kept = old != built_.end() && old->second.generation == loaded.generation;
        if (!kept && loaded.generation->code) loaded.generation->code->close();
      }
      return std::move(built).error();
    }
    next.emplace(entry.name, std::move(*built));
  }
  return next;
}

ServiceFacts Host::facts_of(const Built& built) {
  return {built.entry, *built.service, built.generation->sha256};
}

ReloadReport Host::publish(BuiltMap next, std::vector<std::string>& changes) {
  ReloadReport report;
  auto snapshot = std::make_shared<catalogue::Snapshot>();
  snapshot->number = report.generation = published_;
  for (auto& [name, built] : next) {
    snapshot->services.emplace(name, built.service);
    if (built.service->discovery->may_change()) snapshot->discovering.push_back(built.service);
    if (!built.service->settings.policy.check.path.empty())
      snapshot->checking.push_back(built.service);
    const auto old = built_.find(name);
    if (old == built_.end()) {
      report.added.push_back(name);
      changes.push_back(describe_added(facts_of(built)));
    } else if (old->second.service != built.service) {
      std::string line = describe_change(facts_of(old->second), facts_of(built));
      if (line.empty()) continue;
      report.changed.push_back(name);
      changes.push_back(std::move(line));
    }
  }
  for (const auto& [name, built] : built_)
    if (!next.contains(name)) {
      report.removed.push_back(name);
      changes.push_back(describe_removed(name));
    }
  snapshots_.publish(std::move(snapshot));
  next.swap(built_);
  for (auto& [name, old] : next) {
    const auto now = built_.find(name);
    const bool kept = now != built_.end() && now->second.generation == old.generation;
    if (!kept && old.generation->code) old.generation->code->close();
    for (const auto& instance : old.service->instances->all()) {
      const bool stays =
          now != built_.end() && now->second.service->instances->shares_pool(*instance);
      if (stays) continue;
      instance->origin->drain();
      const auto gone = now == built_.end() ? old.service->state : nullptr;
      leaving_.add({name, instance->origin, gone});
    }
  }
  const auto& in_force = snapshots_.read()->services;
  leaving_.published([&](const std::string& name) { return in_force.contains(name); },
                     reactor_->now());
  return report;
}

void Host::watch_plugins() {
  if (!watch_) return;
  std::vector<registry::WatchedPlugin> files;
  const std::filesystem::path folder = plugin_dir_;
  const auto watch = [&](std::string file, const std::string& in_use) {
    if (host::is_linked_in(file)) return;
    if (!file.ends_with(".capi.so")) file += ".capi.so";
    files.push_back({folder / file, in_use});
  };
  for (const auto& [name, built] : built_)
    if (built.entry.watch) watch(built.entry.plugin, built.generation->sha256);
  for (const std::string& plugin : left_out_) watch(plugin, "");
  watch_->set_plugins(std::move(files));
}

Result<ReloadReport> Host::reload() {
  if (forked()) return forked_error();
  base::Lock lock(control_);
  auto registry = read();
  auto next = registry ? build(*registry) : Result<BuiltMap>(registry.error());
  const bool opening = published_ == 0;
  ReloadRecord record{.at = clock_->wall(), .generation = published_};
  if (!next) {
    ++reloads_refused_;
    record.reason = next.error().reason;
    record.message = next.error().message;
    if (!opening) history_.add(std::move(record));
    return std::move(next).error();
  }
  // Before the calls that will see the new services: both reach the loop in this order.
  reactor_->set_names(std::move(registry->names));
  ++published_;
  ReloadReport report = publish(std::move(*next), record.changes);
  reactor_->post([this] { look_for_instances(); });
  ++reloads_applied_;
  plugin_dir_ = registry->plugin_dir;
  left_out_.clear();
  for (const registry::ServiceEntry& entry : registry->services)
    if (entry.watch && !built_.contains(entry.name)) left_out_.push_back(entry.plugin);
  watch_plugins();
  if (auto watched = instance_files_->settle(); !watched) {
    if (opening) return std::move(watched).error();
    log_.write(LogLevel::error, "discovery",
               "files with instances are not watched: " + watched.error().message);
  }
  for (const std::string& warning : registry->warnings)
    log_.write(LogLevel::warning, "registry", warning);
  log_.write(LogLevel::info, "registry",
             "generation " + std::to_string(report.generation) + ": " +
                 std::to_string(report.added.size()) + " added, " +
                 std::to_string(report.changed.size()) + " changed, " +
                 std::to_string(report.removed.size()) + " removed");
  if (opening) return report;
  for (const std::string& change : record.changes) log_.write(LogLevel::info, "registry", change);
  record.applied = true;
  record.generation = report.generation;
  history_.add(std::move(record));
  return report;
}

}  // namespace callerapi::caller
