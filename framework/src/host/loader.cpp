#include "host/loader.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "host/descriptor.hpp"
#include "host/elf_preflight.hpp"
#include "host/library.hpp"
#include "host/plugin_file.hpp"

namespace callerapi::host {
namespace {

constexpr std::string_view static_prefix = "static:";

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// Checks the sealed bytes where they lie.
Result<void> check_sealed(const SealedFile& file) {
  const std::string name = file.path.string();
  if (file.size == 0) return rejected(name, "format_not_elf", "is empty");
  void* at = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd.get(), 0);
  if (at == MAP_FAILED) return rejected(name, "resource_memory", std::strerror(errno));
  auto checked = preflight({static_cast<const char*>(at), file.size}, name);
  ::munmap(at, file.size);
  return checked;
}

struct Opened {
  std::unique_ptr<Library> library;
  std::string file, sha256;
};

Result<Opened> open_static(const std::string& id, const std::vector<const capi_plugin*>& plugins) {
  for (const capi_plugin* plugin : plugins)
    if (plugin != nullptr && std::string_view(plugin->id.ptr, plugin->id.len) == id)
      return Opened{Library::linked_in(*plugin), "static:" + id, {}};
  return rejected("static:" + id, "registry_missing_file",
                  "no plugin of that id in Options::static_plugins");
}

Result<Opened> open_file(const LoadRequest& request) {
  auto path = plugin_path(request.plugin_dir, request.plugin);
  if (!path) return std::move(path).error();
  auto sealed = seal_plugin(*path, request.insecure_permissions);
  if (!sealed) return std::move(sealed).error();
  if (request.sha256.empty() && request.require_pins)
    return rejected(
        path->string(), "integrity_pin_missing",
        "has no sha256 in the registry and require_pins is on; it is " + sealed->sha256);
  if (!request.sha256.empty() && request.sha256 != sealed->sha256)
    return rejected(path->string(), "integrity_hash_mismatch",
                    "sha256 is " + sealed->sha256 + ", the registry pins " + request.sha256);
  if (auto checked = check_sealed(*sealed); !checked) return std::move(checked).error();
  Opened opened{nullptr, path->string(), sealed->sha256};
  auto library = Library::load(std::move(*sealed));
  if (!library) return std::move(library).error();
  opened.library = std::move(*library);
  return opened;
}

}  // namespace

Result<std::shared_ptr<const Generation>> load(const LoadRequest& request, const LoadWith& with) {
  auto opened = request.plugin.starts_with(static_prefix)
                    ? open_static(request.plugin.substr(static_prefix.size()), with.static_plugins)
                    : open_file(request);
  if (!opened) {
    opened.error().message = "services." + request.service + ": " + opened.error().message;
    return std::move(opened).error();
  }
  const capi_plugin& plugin = opened->library->descriptor();
  auto tables = copy_tables(plugin, opened->file);
  if (!tables) {
    opened->library->unload();
    tables.error().message = "services." + request.service + ": " + tables.error().message;
    return std::move(tables).error();
  }
  auto generation = std::make_shared<Generation>();
  generation->number = next_number();
  generation->sha256 = opened->sha256;
  generation->tables = std::move(*tables);
  if (plugin.hooks == nullptr && plugin.create == nullptr) {
    // Nothing of it will ever run: the tables are copied, the library can go at once.
    opened->library->unload();
    return std::shared_ptr<const Generation>(std::move(generation));
  }
  auto code = LoadedCode::create(std::move(opened->library), opened->file, request.config, with.log,
                                 with.reaper);
  if (!code) return std::move(code).error();
  generation->code = std::move(*code);
  return std::shared_ptr<const Generation>(std::move(generation));
}

}  // namespace callerapi::host
