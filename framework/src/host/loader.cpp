#include "host/loader.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "host/descriptor.hpp"
#include "host/library.hpp"
#include "host/plugin_file.hpp"
#include "host/plugin_report.hpp"
#include "host/upgrade.hpp"
#include "wire/syntax.hpp"

namespace callerapi::host {
namespace {

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// Is the file the very one that the running generation was loaded from? It need not be read again
/// then: a reload of 1,000 services would read 1,000 plugins twice. A stamp never says yes wrongly
/// unless root turned back the clock.
bool unchanged(const LoadRequest& request) {
  if (!request.running || !request.same_setup) return false;
  const Generation& running = *request.running;
  if (!running.stamp || running.insecure_permissions != request.insecure_permissions) return false;
  if (request.sha256.empty() ? request.require_pins : request.sha256 != running.sha256)
    return false;
  return stamp_of(request.plugin_dir / plugin_file_name(request.plugin)) == running.stamp;
}

Result<SealedFile> seal(const LoadRequest& request) {
  auto path = plugin_path(request.plugin_dir, request.plugin);
  if (!path) return std::move(path).error();
  auto sealed = seal_plugin(*path, request.insecure_permissions);
  if (!sealed) return std::move(sealed).error();
  if (request.sha256.empty() && request.require_pins)
    return rejected(
        path->string(), PluginFault::integrity_pin_missing,
        "has no sha256 in the registry and require_pins is on; it is " + sealed->sha256);
  if (!request.sha256.empty() && request.sha256 != sealed->sha256)
    return rejected(path->string(), PluginFault::integrity_hash_mismatch,
                    "sha256 is " + sealed->sha256 + ", the registry pins " + request.sha256);
  return sealed;
}

struct Opened {
  std::unique_ptr<Library> library;
  std::string file;
  std::shared_ptr<Generation> generation;
  std::string told;  ///< For the log, should it stay mapped.
};

Result<void> finish(Opened& opened, const LoadRequest& request, const LoadWith& with) {
  Generation& generation = *opened.generation;
  const capi_plugin& plugin = opened.library->descriptor();
  const std::string id = generation.tables.id;
  Result<void> fits;
  if (request.running)
    fits = check_upgrade(request.running->tables, generation.tables, opened.file,
                         request.allow_downgrade);
  if (fits && (request.running || request.replaces)) fits = check_zombies(id, opened.file);
  if (!fits) {
    opened.library->unload(id);
    return fits;
  }
  generation.number = next_number();
  const bool declarative = (plugin.hooks == nullptr && plugin.create == nullptr) ||
                           request.plugin.starts_with(contract_prefix);
  if (declarative || request.safe_mode) {
    if (!declarative)
      with.around.log.write(LogLevel::warning, "host",
                            opened.file + ": safe mode: its hooks are off");
    // Nothing of it will ever run: the tables are copied, the library can go at once.
    if (request.pinned)
      opened.library->pin();
    else
      opened.library->unload(id);
    return {};
  }
  auto code = LoadedCode::create(std::move(opened.library),
                                 {id, opened.file, request.config, request.pinned}, with.around);
  if (!code) return std::move(code).error();
  generation.code = std::move(*code);
  with.around.log.write(LogLevel::info, "host", opened.told);
  return {};
}

std::string_view id_of(const capi_plugin& plugin) noexcept {
  return {plugin.id.ptr, plugin.id.len};
}

/// The ids that a program gave, for the one who misspelt one.
std::string given(const std::vector<const capi_plugin*>& plugins) {
  std::string ids;
  for (const capi_plugin* plugin : plugins)
    if (plugin != nullptr)
      ids += (ids.empty() ? "" : ", ") + wire::printable(std::string(id_of(*plugin)));
  return ids.empty() ? "none is" : ids + (ids.find(',') == ids.npos ? " is" : " are");
}

/// A contract that nobody gave, where that is allowed.
Opened undeclared(const std::string& file, const std::string& id) {
  static constexpr capi_plugin nothing{};
  Opened opened{Library::linked_in(nothing), file, std::make_shared<Generation>(), {}};
  opened.generation->linked_in = &nothing;
  opened.generation->tables.id = id;
  opened.generation->tables.version = "0";
  opened.generation->tables.undeclared = true;
  return opened;
}

Result<Opened> open_linked_in(const LoadRequest& request, const LoadWith& with) {
  const bool contract = request.plugin.starts_with(contract_prefix);
  const auto& plugins = contract ? with.contracts : with.static_plugins;
  const std::string& file = request.plugin;
  const std::string id = file.substr((contract ? contract_prefix : static_prefix).size());
  for (const capi_plugin* plugin : plugins) {
    if (plugin == nullptr || id_of(*plugin) != id) continue;
    auto tables = copy_tables(*plugin, file);
    if (!tables) return std::move(tables).error();
    Opened opened{Library::linked_in(*plugin), file, std::make_shared<Generation>(),
                  file + ": is part of this program"};
    opened.generation->linked_in = plugin;
    opened.generation->tables = std::move(*tables);
    return opened;
  }
  if (contract && with.contracts_optional) return undeclared(file, id);
  return rejected(
      file, PluginFault::registry_missing_file,
      contract
          ? "no contract of that id in Options::contracts, where " + given(plugins) +
                " given; give it, or let the service name a plugin"
          : "no plugin of that id in Options::static_plugins, where " + given(plugins) + " given");
}

/// What a crash report or a profile is read with: which build of what was mapped, and where from.
std::string told_of(const Inspection& inspected, const SealedFile& sealed, bool debugged) {
  const PluginNote& note = inspected.note;
  return sealed.path.string() + ": is " + note.id + " " + note.version + ", build-id " +
         (note.build_id.empty() ? "none" : note.build_id) + ", sha256 " +
         sealed.sha256.substr(0, 16) + ", mapped from " +
         (debugged           ? "its path, for CALLERAPI_DEBUG_PLUGINS=1"
          : sealed.in_memory ? "sealed memory"
                             : "an unnamed file: memory may not be executed here");
}

}  // namespace

/// What lies in a sealed copy, and what was seen in it without mapping it.
struct VerifiedFile {
  SealedFile sealed;
  Inspection inspected;
};

namespace {

Result<VerifiedFile> verify(SealedFile sealed) {
  auto inspected = inspect(sealed);
  if (!inspected) return std::move(inspected).error();
  return VerifiedFile{std::move(sealed), std::move(*inspected)};
}

Result<Opened> open_file(VerifiedFile verified, const LoadRequest& request, const LoadWith& with) {
  auto& [sealed, inspected] = verified;
  const std::string file = sealed.path.string();
  const auto generation = std::make_shared<Generation>();
  generation->sha256 = sealed.sha256;
  generation->stamp = sealed.stamp;
  generation->insecure_permissions = request.insecure_permissions;
  for (const std::string& warning : inspected.warnings)
    with.around.log.write(LogLevel::warning, "host", warning);
  auto seen = with.prober.probe(sealed);
  if (!seen) return std::move(seen).error();
  std::string told = told_of(inspected, sealed, request.debugged);
  auto library = request.debugged ? Library::load_by_path(std::move(sealed))
                                  : Library::load(std::move(sealed));
  if (!library) return std::move(library).error();
  auto tables = copy_tables((*library)->descriptor(), file);
  Result<void> sound;
  if (!tables)
    sound = tables.error();
  else if (fingerprint(*tables) != *seen)
    sound = rejected(file, PluginFault::descriptor_unstable,
                     "declares other endpoints than a moment before, in the probe");
  else
    sound = compare(inspected.note, *tables, file);
  if (!sound) {
    (*library)->unload(inspected.note.id);
    return std::move(sound).error();
  }
  generation->tables = std::move(*tables);
  return Opened{std::move(*library), file, generation, std::move(told)};
}

/// `ahead`: the file, where it was verified before; null: it was not.
Result<std::shared_ptr<const Generation>> load_one(const LoadRequest& request,
                                                   std::unique_ptr<VerifiedFile> ahead,
                                                   const LoadWith& with) {
  Result<Opened> opened = Error{};
  if (is_linked_in(request.plugin)) {
    opened = open_linked_in(request, with);
    if (opened && request.same_setup && request.running &&
        request.running->linked_in == opened->generation->linked_in)
      return request.running;
  } else {
    if (!ahead && unchanged(request)) return request.running;
    auto sealed = ahead ? Result<SealedFile>(std::move(ahead->sealed)) : seal(request);
    if (!sealed) return std::move(sealed).error();
    if (request.same_setup && request.running && request.running->sha256 == sealed->sha256) {
      if (request.running->insecure_permissions == request.insecure_permissions)
        request.running->stamp = sealed->stamp;
      return request.running;
    }
    auto verified = ahead ? Result<VerifiedFile>({std::move(*sealed), std::move(ahead->inspected)})
                          : verify(std::move(*sealed));
    if (!verified) return std::move(verified).error();
    opened = open_file(std::move(*verified), request, with);
  }
  if (!opened) return std::move(opened).error();
  if (auto finished = finish(*opened, request, with); !finished) return std::move(finished).error();
  return std::shared_ptr<const Generation>(std::move(opened->generation));
}

Result<std::shared_ptr<const Generation>> counted_load(const LoadRequest& request,
                                                       std::unique_ptr<VerifiedFile> ahead,
                                                       const LoadWith& with) {
  const TimePoint began = std::chrono::steady_clock::now();
  auto loaded = load_one(request, std::move(ahead), with);
  if (!loaded)
    loaded.error().message = "services." + request.service + ": " + loaded.error().message;
  if (loaded && *loaded == request.running) return loaded;  // nothing had to be loaded
  Counters& counters = with.around.counters;
  Loads& kind = !loaded ? counters.refused : request.running ? counters.upgraded : counters.loaded;
  base::count(kind.count);
  kind.took.record(std::chrono::steady_clock::now() - began);
  return loaded;
}

// Sealed files that are open at once while they wait for their probe and their load.
constexpr std::size_t ahead_max = 32;

}  // namespace

Result<std::shared_ptr<const Generation>> load(const LoadRequest& request, const LoadWith& with) {
  return counted_load(request, nullptr, with);
}

LoadsInTurn::LoadsInTurn(std::span<const LoadRequest> requests, const LoadWith& with)
    : requests_(requests), with_(with) {
  with_.prober.forget_refusals();
}

LoadsInTurn::~LoadsInTurn() = default;

/// Says nothing of what is wrong: the load of that file repeats it.
void LoadsInTurn::look_ahead() {
  ahead_.resize(std::min(ahead_max, requests_.size() - next_));
  std::vector<const SealedFile*> files;
  for (std::size_t i = 0; i < ahead_.size(); ++i) {
    const LoadRequest& request = requests_[next_ + i];
    if (is_linked_in(request.plugin) || unchanged(request)) continue;
    if (!names_.insert(request.plugin).second) continue;
    auto sealed = seal(request);
    auto verified = sealed ? verify(std::move(*sealed)) : std::move(sealed).error();
    if (!verified) continue;
    ahead_[i] = std::make_unique<VerifiedFile>(std::move(*verified));
    if (sums_.insert(ahead_[i]->sealed.sha256).second) files.push_back(&ahead_[i]->sealed);
  }
  with_.prober.probe_all(files);
}

Result<std::shared_ptr<const Generation>> LoadsInTurn::next() {
  const std::size_t place = next_ % ahead_max;
  if (place == 0) look_ahead();
  return counted_load(requests_[next_++], std::move(ahead_[place]), with_);
}

}  // namespace callerapi::host
