// install_plugin() and rollback_plugin() of callerapi/plugin_file.hpp.
//
// A plugin lies in plugin_dir under the name of its digest, so that no install ever changes a file
// that somebody runs, and going back needs nothing but old words in the registry. Those are kept
// beside it, in .registry.toml.SERVICE.history; see install_steps.hpp.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/nearest.hpp"
#include "callerapi/json.hpp"
#include "callerapi/plugin_file.hpp"
#include "host/conformance.hpp"
#include "host/plugin_report.hpp"
#include "host/prober.hpp"
#include "host/upgrade.hpp"
#include "registry/install_steps.hpp"
#include "registry/names.hpp"
#include "registry/plugin_text.hpp"
#include "registry/registry.hpp"
#include "registry/registry_file.hpp"
#include "registry/replace_file.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;
using registry::InstallStep;
using registry::InstallSteps;
using registry::PluginText;

constexpr std::size_t digest_letters = 16;

Error refuse(std::string reason, std::string message) {
  return {.outcome = Outcome::registry_invalid,
          .reason = std::move(reason),
          .message = std::move(message)};
}

/// One registry, locked, with one service of it.
struct Target {
  fs::path file;      ///< Resolved.
  fs::path folder;    ///< Where its name stands: relative paths start there.
  std::string shown;  ///< Its name in messages.
  host::Fd lock;
  registry::Environment environment;
  std::string text;
  registry::Registry registry;
  registry::ServiceEntry service;
  PluginText words;

  fs::path record() const {
    return file.parent_path() / ("." + file.filename().string() + "." + service.name + ".history");
  }
  bool insecure() const { return registry.insecure_permissions; }
  /// The registry with other words for the service, read as a host would.
  Result<std::pair<std::string, registry::ServiceEntry>> with(const PluginText& to) const;
};

const registry::ServiceEntry* find(const registry::Registry& registry, const std::string& name) {
  const auto found = std::ranges::find(registry.services, name, &registry::ServiceEntry::name);
  return found == registry.services.end() ? nullptr : &*found;
}

Result<std::pair<std::string, registry::ServiceEntry>> Target::with(const PluginText& to) const {
  auto edited = registry::with_plugin_text(text, shown, service.name, to);
  if (!edited) return std::move(edited).error();
  const auto read = registry::parse_registry(*edited, shown, folder, environment);
  if (!read) return read.error();
  const auto* entry = find(*read, service.name);
  if (entry == nullptr)
    return refuse("edit", shown + ": services." + service.name + ": is left out");
  return std::pair(std::move(*edited), *entry);
}

enum class Purpose { look, change };

Result<Target> open_target(const std::string& path, const std::string& service, Purpose purpose) {
  Target target;
  target.environment = registry::process_environment();
  target.shown = fs::path(path).filename().string();
  auto first = registry::read_registry(path, target.environment);
  if (!first) return std::move(first).error();
  std::error_code failed;
  target.file = fs::canonical(path, failed);
  target.folder = fs::absolute(path, failed).parent_path();
  auto lock = registry::lock_folder(target.file.parent_path());
  if (!lock) return std::move(lock).error();
  target.lock = std::move(*lock);
  // Whoever held the lock may have changed it.
  auto text = registry::contents(target.file);
  auto registry = registry::read_registry(path, target.environment);
  if (!text) return std::move(text).error();
  if (!registry) return std::move(registry).error();
  const auto* entry = find(*registry, service);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const auto& s : registry->services) names.push_back(s.name);
    return Error{.outcome = Outcome::unknown_service,
                 .reason = "unknown_service",
                 .message = target.shown + ": no service '" + service + "'" +
                            base::suggestion(service, names)};
  }
  if (const std::string& variable = entry->plugin_variable;
      purpose == Purpose::change && !variable.empty())
    return refuse("edit", "environment " + variable + ": overrides what would be written to " +
                              target.shown +
                              (target.environment.contains(variable)
                                   ? "; unset it"
                                   : "; take it out of the env_file that it names"));
  auto words = registry::plugin_text(*text, target.shown, service);
  if (!words) return std::move(words).error();
  target.service = *entry;
  target.text = std::move(*text);
  target.registry = std::move(*registry);
  target.words = std::move(*words);
  return target;
}

/// The file that a service names, as its host would take it.
Result<host::SealedFile> named_file(const Target& target, const std::string& plugin) {
  auto path = host::plugin_path(target.registry.plugin_dir, plugin);
  if (!path) return std::move(path).error();
  return host::seal_plugin(*path, target.insecure());
}

std::string version_of(const Result<host::SealedFile>& file) {
  if (!file) return {};
  const auto inspected = host::inspect(*file);
  return inspected ? inspected->note.version : std::string();
}

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  return json::format_time(std::chrono::time_point_cast<json::Time::duration>(now), 0);
}

InstallStep step_in_force(const Target& target, const Result<host::SealedFile>& named) {
  return {.words = target.words,
          .plugin = target.service.plugin,
          .file_sha256 = named ? named->sha256 : std::string(),
          .version = version_of(named),
          .at = {}};
}

/// None when the service was never installed here.
Result<InstallSteps> steps_of(const Target& target) {
  std::error_code failed;
  if (!fs::exists(target.record(), failed)) return InstallSteps();
  auto text = registry::contents(target.record());
  if (!text) return std::move(text).error();
  return registry::parse_steps(*text, target.record().filename().string());
}

/// The steps beside the registry, then the new words in it. A crash between the two leaves steps of
/// which the old one is still in force, which is the truth.
Result<void> write(const Target& target, const InstallSteps& steps, const std::string& edited) {
  const std::string record = registry::format_steps(target.service.name, steps);
  if (auto kept = registry::replace_file(target.record(), record, 0644); !kept) return kept;
  return registry::replace_file(target.file, edited, 0644);
}

/// A plugin that cannot be made with the configuration it will get would be refused by every host.
Result<void> run_kit(const host::SealedFile& sealed, const host::Prober& prober,
                     const PluginConfig& config) {
  const auto given = config.empty() ? std::nullopt : std::optional(config);
  for (const PluginCheck& check : host::run_checks(sealed, prober, given))
    if (check.verdict == PluginCheck::Verdict::failed)
      return host::rejected(sealed.path.string(), host::PluginFault::check_failed,
                            "does not pass the check '" + check.name + "': " + check.text);
  return {};
}

/// Would those who call the file of now be at a loss with the new one?
Result<void> compare_contracts(const Target& target, const Result<host::SealedFile>& named,
                               const host::SealedFile& next, const host::Prober& prober) {
  if (!named) return {};
  const auto was = prober.describe(*named);
  const auto is = prober.describe(next);
  if (!was || !is || was->tables.id != is->tables.id) return {};
  return host::check_upgrade(was->tables, is->tables, next.path.string(),
                             target.service.allow_downgrade);
}

Result<void> copy_in(const Target& target, const std::string& name, const host::SealedFile& from) {
  const fs::path to = target.registry.plugin_dir / (name + ".capi.so");
  std::error_code failed;
  if (!fs::is_directory(target.registry.plugin_dir, failed))
    return host::rejected(target.registry.plugin_dir.string(),
                          host::PluginFault::registry_missing_file,
                          "is no folder; create it, or mend plugin_dir in " + target.shown);
  if (const auto there = named_file(target, name); there && there->sha256 == from.sha256) return {};
  auto bytes = host::sealed_bytes(from);
  if (!bytes) return std::move(bytes).error();
  if (auto copied = registry::replace_file(to, *bytes, 0644); !copied) return copied;
  // Owner, mode and folder are what a host will ask about; it should not be the first to know.
  const auto there = named_file(target, name);
  if (!there) return there.error();
  return {};
}

/// The file of a step, if it is still the one it was.
Result<host::SealedFile> unchanged_file(const Target& target, const registry::ServiceEntry& entry,
                                        const InstallStep& step) {
  auto back = named_file(target, entry.plugin);
  if (!back) return back;
  const std::string& wanted = step.file_sha256.empty() ? entry.sha256 : step.file_sha256;
  if (!wanted.empty() && wanted != back->sha256)
    return host::rejected(back->path.string(), host::PluginFault::integrity_hash_mismatch,
                          "sha256 is " + back->sha256 + ", before the install it was " + wanted);
  if (!entry.sha256.empty() && entry.sha256 != back->sha256)
    return host::rejected(back->path.string(), host::PluginFault::integrity_hash_mismatch,
                          "sha256 is " + back->sha256 + ", the registry pins " + entry.sha256);
  return back;
}

/// Which step is meant by `to`, a name or version; empty: the one before that of now.
Result<std::size_t> choose(const InstallSteps& steps, std::size_t now, const std::string& to) {
  const auto shown = [](const InstallStep& step) {
    return step.plugin + (step.version.empty() ? "" : " (" + step.version + ")");
  };
  if (to.empty()) {
    if (now + 1 < steps.size()) return now + 1;
    return refuse("no_record", "nothing older than " + shown(steps[now]) +
                                   " to go back to; the last " +
                                   std::to_string(registry::install_steps_max - 1) + " are kept");
  }
  std::string all;
  // The one in force is meant last: who has spoilt a pin by hand wants the sound step of that name.
  std::size_t found = steps.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool named = steps[i].plugin == to || steps[i].version == to;
    if (named && (found == steps.size() || found == now)) found = i;
    all += (i == 0 ? "" : ", ") + shown(steps[i]);
  }
  if (found < steps.size()) return found;
  return refuse("no_record", "no step '" + to + "'; there are " + all);
}

}  // namespace

Result<PluginChange> install_plugin(const std::string& registry, const std::string& service,
                                    const std::string& file, const std::string& probe) {
  auto sealed = host::seal_for_report(file);
  if (!sealed) return std::move(sealed).error();
  auto report = host::report(*sealed);
  if (!report) return std::move(report).error();
  auto target = open_target(registry, service.empty() ? report->id : service, Purpose::change);
  if (!target) return std::move(target).error();
  const auto named = named_file(*target, target->service.plugin);
  PluginChange change{.service = target->service.name,
                      .file = {},
                      .plugin = target->service.plugin,
                      .sha256 = sealed->sha256,
                      .was_plugin = target->service.plugin,
                      .was_sha256 = target->service.sha256,
                      .version = report->version,
                      .was_version = version_of(named)};
  if (named && named->sha256 == sealed->sha256 && target->service.sha256 == sealed->sha256) {
    change.file = named->path.string();  // what is there already is no step to go back from
    return change;
  }
  const host::Prober prober(probe);
  if (auto sound = run_kit(*sealed, prober, target->service.config); !sound)
    return std::move(sound).error();
  if (auto fits = compare_contracts(*target, named, *sealed, prober); !fits)
    return std::move(fits).error();
  const std::string& prefix = registry::is_name(report->id) ? report->id : target->service.name;
  change.plugin = prefix + "-" + sealed->sha256.substr(0, digest_letters);
  const PluginText words{"\"" + change.plugin + "\"", "\"" + sealed->sha256 + "\""};
  auto next = target->with(words);
  if (!next) return std::move(next).error();
  if (auto copied = copy_in(*target, change.plugin, *sealed); !copied)
    return std::move(copied).error();
  auto steps = steps_of(*target);
  if (!steps) return std::move(steps).error();
  const InstallStep installed{.words = words,
                              .plugin = change.plugin,
                              .file_sha256 = sealed->sha256,
                              .version = report->version,
                              .at = now_text()};
  const InstallSteps kept =
      registry::installed(std::move(*steps), step_in_force(*target, named), installed);
  if (auto written = write(*target, kept, next->first); !written) return std::move(written).error();
  change.file = (target->registry.plugin_dir / (change.plugin + ".capi.so")).string();
  return change;
}

Result<PluginChange> rollback_plugin(const std::string& registry, const std::string& service,
                                     const std::string& to) {
  auto target = open_target(registry, service, Purpose::change);
  if (!target) return std::move(target).error();
  const std::string where = target->shown + ": services." + service + ": ";
  auto steps = steps_of(*target);
  if (!steps) return std::move(steps).error();
  if (steps->empty())
    return refuse("no_record", where + "nothing to go back to: there is no " +
                                   target->record().filename().string() +
                                   " beside the registry; only an install can be taken back");
  const auto named = named_file(*target, target->service.plugin);
  std::size_t now = registry::step_of(*steps, target->words);
  if (now == steps->size()) {  // written by hand since; it can be come back to like any other
    steps->insert(steps->begin(), step_in_force(*target, named));
    now = 0;
  }
  const auto chosen = choose(*steps, now, to);
  if (!chosen) return refuse("no_record", where + chosen.error().message);
  const InstallStep step = (*steps)[*chosen];
  auto next = target->with(step.words);
  if (!next) return std::move(next).error();
  const auto back = unchanged_file(*target, next->second, step);
  if (!back) {
    Error error = back.error();
    error.message = where + "cannot go back: " + error.message;
    return error;
  }
  if (*chosen != now) {
    if (steps->size() > registry::install_steps_max) steps->resize(registry::install_steps_max);
    if (auto written = write(*target, *steps, next->first); !written)
      return std::move(written).error();
  }
  return PluginChange{.service = service,
                      .file = back->path.string(),
                      .plugin = next->second.plugin,
                      .sha256 = next->second.sha256,
                      .was_plugin = target->service.plugin,
                      .was_sha256 = target->service.sha256,
                      .version = version_of(back),
                      .was_version = version_of(named)};
}

Result<std::vector<PluginStep>> plugin_history(const std::string& registry,
                                               const std::string& service) {
  auto target = open_target(registry, service, Purpose::look);
  if (!target) return std::move(target).error();
  auto steps = steps_of(*target);
  if (!steps) return std::move(steps).error();
  if (registry::step_of(*steps, target->words) == steps->size())
    steps->insert(steps->begin(),
                  step_in_force(*target, named_file(*target, target->service.plugin)));
  std::vector<PluginStep> all;
  for (const InstallStep& step : *steps) {
    PluginStep shown{.plugin = step.plugin,
                     .version = step.version,
                     .sha256 = step.file_sha256,
                     .installed = step.at,
                     .in_force = step.words == target->words,
                     .trouble = {}};
    registry::ServiceEntry entry = target->service;
    entry.plugin = step.plugin;
    if (!shown.in_force) entry.sha256.clear();
    if (const auto file = unchanged_file(*target, entry, step); !file)
      shown.trouble = file.error().message;
    all.push_back(std::move(shown));
  }
  return all;
}

}  // namespace callerapi
