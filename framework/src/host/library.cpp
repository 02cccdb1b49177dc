#include "host/library.hpp"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <exception>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <utility>

#include "base/mutex.hpp"

namespace callerapi::host {
namespace {

std::string loader_name(const SealedFile& file) {
  return "/proc/self/fd/" + std::to_string(file.fd.get());
}

bool resident(const std::string& name) noexcept {
  void* found = ::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (found == nullptr) return false;
  ::dlclose(found);
  return true;
}

/// What this process has mapped of plugins. Lives as long as the process.
class Ledger {
 public:
  static Ledger& of_process() {
    static Ledger* const ledger = new Ledger;  // outlives every static object
    return *ledger;
  }
  /// False: something live has this address, so the loader gave an old library for a new one.
  bool add(const void* descriptor) {
    base::Lock lock(mutex_);
    return live_.insert(descriptor).second;
  }
  void remove(const void* descriptor) {
    base::Lock lock(mutex_);
    live_.erase(descriptor);
  }
  void add_zombie(const std::string& id, SealedFile file, const void* descriptor) {
    base::Lock lock(mutex_);
    zombies_.push_back({id, std::move(file), descriptor});
  }
  void pin(SealedFile file, boost::dll::shared_library handle) {
    base::Lock lock(mutex_);
    pinned_.emplace_back(std::move(file), std::move(handle));
  }
  /// False: other bytes were loaded from this path before, and the loader will answer with those.
  bool first_of_path(const SealedFile& file) {
    base::Lock lock(mutex_);
    return paths_.emplace(file.path.string(), file.sha256).first->second == file.sha256;
  }
  std::size_t zombies(const std::string* id) {
    base::Lock lock(mutex_);
    for (auto zombie = zombies_.begin(); zombie != zombies_.end();) {
      const bool stays = resident(loader_name(zombie->file));
      if (!stays) live_.erase(zombie->descriptor);  // the thread that held it has ended
      zombie = stays ? std::next(zombie) : zombies_.erase(zombie);
    }
    std::size_t count = 0;
    for (const Zombie& zombie : zombies_) count += id == nullptr || zombie.id == *id ? 1 : 0;
    return count;
  }

 private:
  struct Zombie {
    std::string id;
    SealedFile file;
    const void* descriptor;
  };
  base::Mutex mutex_;
  std::set<const void*> live_ CALLERAPI_GUARDED_BY(mutex_);
  std::list<Zombie> zombies_ CALLERAPI_GUARDED_BY(mutex_);
  std::map<std::string, std::string> paths_ CALLERAPI_GUARDED_BY(mutex_);  ///< To the sha256.
  std::list<std::pair<SealedFile, boost::dll::shared_library>> pinned_ CALLERAPI_GUARDED_BY(mutex_);
};

class LoadedLibrary final : public Library {
 public:
  LoadedLibrary(SealedFile file, boost::dll::shared_library handle, const capi_plugin& descriptor)
      : file_(std::move(file)), handle_(std::move(handle)), descriptor_(descriptor) {}

  const capi_plugin& descriptor() const noexcept override { return descriptor_; }

  bool unload(const std::string& id) noexcept override {
    Ledger& ledger = Ledger::of_process();
    handle_.unload();
    // The loader knows a library by the name it was loaded under.
    if (!resident(loader_name(file_))) {
      ledger.remove(&descriptor_);
      return true;
    }
    ledger.add_zombie(id, std::move(file_), &descriptor_);
    return false;
  }
  void pin() noexcept override { Ledger::of_process().pin(std::move(file_), std::move(handle_)); }

 private:
  SealedFile file_;
  boost::dll::shared_library handle_;
  const capi_plugin& descriptor_;
};

class DebuggedLibrary final : public Library {
 public:
  DebuggedLibrary(SealedFile file, boost::dll::shared_library handle, const capi_plugin& descriptor)
      : descriptor_(descriptor) {
    Ledger::of_process().pin(std::move(file), std::move(handle));
  }
  const capi_plugin& descriptor() const noexcept override { return descriptor_; }
  bool unload(const std::string&) noexcept override { return true; }
  void pin() noexcept override {}

 private:
  const capi_plugin& descriptor_;
};

class LinkedIn final : public Library {
 public:
  explicit LinkedIn(const capi_plugin& descriptor) : descriptor_(descriptor) {}
  const capi_plugin& descriptor() const noexcept override { return descriptor_; }
  bool unload(const std::string&) noexcept override { return true; }
  void pin() noexcept override {}

 private:
  const capi_plugin& descriptor_;
};

}  // namespace

namespace {

struct Opened {
  boost::dll::shared_library handle;
  const capi_plugin* descriptor;
};

Result<Opened> open_library(const std::string& name, const std::string& shown) {
  try {
    using boost::dll::load_mode::rtld_local;
    using boost::dll::load_mode::rtld_now;
    boost::dll::shared_library handle(name, rtld_now | rtld_local);
    if (!handle.has(CALLERAPI_PLUGIN_SYMBOL))
      return rejected(shown, PluginFault::format_entry_missing,
                      "does not export '" CALLERAPI_PLUGIN_SYMBOL "'");
    const auto& descriptor = handle.get<const capi_plugin>(CALLERAPI_PLUGIN_SYMBOL);
    return Opened{std::move(handle), &descriptor};
  } catch (const std::exception& e) {
    return rejected(shown, PluginFault::load_failed,
                    std::string("the loader refused it: ") + e.what());
  }
}

}  // namespace

Result<std::unique_ptr<Library>> Library::load(SealedFile file) {
  const std::string shown = file.path.string();
  const std::string name = loader_name(file);
  if (resident(name))
    return rejected(
        shown, PluginFault::load_already_resident,
        "the loader already has a library under the name " + name + "; restart the process");
  auto opened = open_library(name, shown);
  if (!opened) return std::move(opened).error();
  if (!Ledger::of_process().add(opened->descriptor))
    return rejected(shown, PluginFault::load_already_resident,
                    "the loader answered with a library that is in use; restart the process");
  return std::unique_ptr<Library>(std::make_unique<LoadedLibrary>(
      std::move(file), std::move(opened->handle), *opened->descriptor));
}

Result<std::unique_ptr<Library>> Library::load_by_path(SealedFile file) {
  const std::string shown = file.path.string();
  if (!Ledger::of_process().first_of_path(file))
    return rejected(shown, PluginFault::load_already_resident,
                    "has changed, and CALLERAPI_DEBUG_PLUGINS=1 keeps the code that was loaded "
                    "first; restart the process");
  auto opened = open_library(shown, shown);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Library>(std::make_unique<DebuggedLibrary>(
      std::move(file), std::move(opened->handle), *opened->descriptor));
}

std::unique_ptr<Library> Library::linked_in(const capi_plugin& descriptor) {
  return std::make_unique<LinkedIn>(descriptor);
}

std::size_t zombies(const std::string& id) { return Ledger::of_process().zombies(&id); }
std::size_t zombies() { return Ledger::of_process().zombies(nullptr); }

}  // namespace callerapi::host
