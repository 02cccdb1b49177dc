// What callerapi/plugin_file.hpp answers about one file, without a registry.
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "callerapi/plugin_file.hpp"
#include "host/conformance.hpp"
#include "host/descriptor.hpp"
#include "host/plugin_report.hpp"
#include "host/prober.hpp"

namespace callerapi::host {

Result<Inspection> inspect(const SealedFile& file) {
  const std::string name = file.path.string();
  if (file.size == 0) return rejected(name, PluginFault::format_not_elf, "is empty");
  void* at = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd.get(), 0);
  if (at == MAP_FAILED) return rejected(name, PluginFault::resource_memory, std::strerror(errno));
  auto inspected = preflight({static_cast<const char*>(at), file.size}, name);
  ::munmap(at, file.size);
  return inspected;
}

// A team's build tree is nobody's deployment: who may write to it is asked when it is loaded.
Result<SealedFile> seal_for_report(const std::string& file) { return seal_plugin(file, true); }

Result<void> compare(const PluginNote& note, const catalogue::PluginTables& tables,
                     const std::string& file) {
  if (note.id == tables.id && note.version == tables.version) return {};
  return rejected(file, PluginFault::descriptor_note_mismatch,
                  "its note is of " + note.id + " " + note.version + ", its descriptor of " +
                      tables.id + " " + tables.version + "; build it again from one source");
}

Result<PluginFile> report(const SealedFile& sealed) {
  auto inspected = inspect(sealed);
  if (!inspected) return std::move(inspected).error();
  PluginNote& note = inspected->note;
  return PluginFile{.file = sealed.path.string(),
                    .id = std::move(note.id),
                    .version = std::move(note.version),
                    .compiler = std::move(note.compiler),
                    .abi_major = note.abi_major,
                    .abi_minor = note.abi_minor,
                    .min_host_version = note.min_host_version,
                    .build_id = std::move(note.build_id),
                    .sha256 = sealed.sha256,
                    .bytes = sealed.size,
                    .needed = std::move(inspected->needed),
                    .warnings = std::move(inspected->warnings)};
}

}  // namespace callerapi::host

namespace callerapi {

Result<PluginFile> inspect_plugin(const std::string& file) {
  auto sealed = host::seal_for_report(file);
  if (!sealed) return std::move(sealed).error();
  return host::report(*sealed);
}

Result<PluginContract> describe_plugin(const std::string& file, const std::string& probe) {
  auto sealed = host::seal_for_report(file);
  if (!sealed) return std::move(sealed).error();
  if (auto sound = host::inspect(*sealed); !sound) return std::move(sound).error();
  auto described = host::Prober(probe).describe(*sealed);
  if (!described) return std::move(described).error();
  PluginContract contract{.owner = std::move(described->tables.owner),
                          .hooks = std::move(described->hooks),
                          .endpoints = {}};
  for (const catalogue::EndpointTable& table : described->tables.endpoints)
    contract.endpoints.push_back(policy::info(table.endpoint));
  return contract;
}

Result<std::vector<PluginCheck>> check_plugin(const std::string& file, const std::string& probe,
                                              const std::optional<PluginConfig>& config) {
  auto sealed = host::seal_for_report(file);
  if (!sealed) return std::move(sealed).error();
  return host::run_checks(*sealed, host::Prober(probe), config);
}

}  // namespace callerapi
