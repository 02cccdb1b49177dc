// install_plugin() and rollback_plugin() of callerapi/plugin_file.hpp.
//
// A plugin lies in plugin_dir under the name of its digest, so that no install ever changes a file
// that somebody runs, and going back needs nothing but the old words in the registry. Those are
// kept beside it, in .registry.toml.SERVICE.before: one step, which a rollback swaps with what it
// undid.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/nearest.hpp"
#include "callerapi/plugin_file.hpp"
#include "host/conformance.hpp"
#include "host/plugin_report.hpp"
#include "host/prober.hpp"
#include "host/upgrade.hpp"
#include "registry/names.hpp"
#include "registry/plugin_text.hpp"
#include "registry/registry.hpp"
#include "registry/registry_file.hpp"
#include "registry/replace_file.hpp"
#include "registry/toml_file.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;
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
    return file.parent_path() / ("." + file.filename().string() + "." + service.name + ".before");
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

Result<Target> open_target(const std::string& path, const std::string& service) {
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
  for (const char* key : {"PLUGIN", "SHA256"})
    if (const std::string variable =
            "CALLERAPI_SERVICES__" + registry::variable_name(service) + "__" + key;
        target.environment.contains(variable))
      return refuse("edit", "environment " + variable + ": overrides what would be written to " +
                                target.shown + "; unset it");
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

/// The words of now beside the registry, and the new ones in it. That order: a crash between the
/// two leaves a record of what still stands, which is harmless.
Result<void> write(const Target& target, const Result<host::SealedFile>& named,
                   const std::string& edited) {
  std::string record = "# What services." + target.service.name +
                       " named before; `callerapi plugin rollback " + target.service.name +
                       "` reads it.\n[services." + target.service.name +
                       "]\nplugin = " + target.words.plugin + "\n";
  if (target.words.sha256) record += "sha256 = " + *target.words.sha256 + "\n";
  if (named) record += "[file]\nsha256 = \"" + named->sha256 + "\"\n";
  if (auto kept = registry::replace_file(target.record(), record, 0644); !kept) return kept;
  return registry::replace_file(target.file, edited, 0644);
}

Result<void> run_kit(const host::SealedFile& sealed, const host::Prober& prober) {
  for (const PluginCheck& check : host::run_checks(sealed, prober))
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

}  // namespace

Result<PluginChange> install_plugin(const std::string& registry, const std::string& service,
                                    const std::string& file, const std::string& probe) {
  auto sealed = host::seal_for_report(file);
  if (!sealed) return std::move(sealed).error();
  auto report = host::report(*sealed);
  if (!report) return std::move(report).error();
  auto target = open_target(registry, service.empty() ? report->id : service);
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
  if (auto sound = run_kit(*sealed, prober); !sound) return std::move(sound).error();
  if (auto fits = compare_contracts(*target, named, *sealed, prober); !fits)
    return std::move(fits).error();
  const std::string& prefix = registry::is_name(report->id) ? report->id : target->service.name;
  change.plugin = prefix + "-" + sealed->sha256.substr(0, digest_letters);
  auto next =
      target->with({"\"" + change.plugin + "\"", std::string("\"" + sealed->sha256 + "\"")});
  if (!next) return std::move(next).error();
  if (auto copied = copy_in(*target, change.plugin, *sealed); !copied)
    return std::move(copied).error();
  if (auto written = write(*target, named, next->first); !written)
    return std::move(written).error();
  change.file = (target->registry.plugin_dir / (change.plugin + ".capi.so")).string();
  return change;
}

Result<PluginChange> rollback_plugin(const std::string& registry, const std::string& service) {
  auto target = open_target(registry, service);
  if (!target) return std::move(target).error();
  const std::string where = target->shown + ": services." + service + ": ";
  auto record = registry::contents(target->record());
  if (!record)
    return refuse("no_record", where + "nothing to go back to: there is no " +
                                   target->record().filename().string() +
                                   " beside the registry; only an install can be taken back");
  const std::string record_name = target->record().filename().string();
  auto root = registry::parse_toml(*record, record_name);
  auto before = registry::plugin_text(*record, record_name, service);
  if (!root) return std::move(root).error();
  if (!before) return std::move(before).error();
  auto next = target->with(*before);
  if (!next) return std::move(next).error();
  const registry::ServiceEntry& entry = next->second;
  const auto back = named_file(*target, entry.plugin);
  if (!back) {
    Error error = back.error();
    error.message = where + "cannot go back: " + error.message;
    return error;
  }
  const auto* seen = root->find("file");
  const auto* sum = seen != nullptr ? seen->find("sha256") : nullptr;
  const std::string wanted = sum != nullptr ? sum->text : entry.sha256;
  if (!wanted.empty() && wanted != back->sha256) {
    Error error =
        host::rejected(back->path.string(), host::PluginFault::integrity_hash_mismatch,
                       "sha256 is " + back->sha256 + ", before the install it was " + wanted);
    error.message = where + "cannot go back: " + error.message;
    return error;
  }
  const auto named = named_file(*target, target->service.plugin);
  if (auto written = write(*target, named, next->first); !written)
    return std::move(written).error();
  return PluginChange{.service = service,
                      .file = back->path.string(),
                      .plugin = entry.plugin,
                      .sha256 = entry.sha256,
                      .was_plugin = target->service.plugin,
                      .was_sha256 = target->service.sha256,
                      .version = version_of(back),
                      .was_version = version_of(named)};
}

}  // namespace callerapi
