#include "host/library.hpp"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <exception>
#include <utility>

namespace callerapi::host {
namespace {

class LoadedLibrary final : public Library {
 public:
  LoadedLibrary(SealedFile file, boost::dll::shared_library handle, const capi_plugin& descriptor)
      : file_(std::move(file)), handle_(std::move(handle)), descriptor_(descriptor) {}

  const capi_plugin& descriptor() const noexcept override { return descriptor_; }

  bool unload() noexcept override {
    const std::string name = "/proc/self/fd/" + std::to_string(file_.fd.get());
    handle_.unload();
    // The loader knows a library by the name it was loaded under; nobody else may use that name
    // while the library is still there, so a resident one keeps its descriptor for ever.
    void* still = ::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (still == nullptr) return true;
    ::dlclose(still);
    return false;
  }

 private:
  SealedFile file_;
  boost::dll::shared_library handle_;
  const capi_plugin& descriptor_;
};

class LinkedIn final : public Library {
 public:
  explicit LinkedIn(const capi_plugin& descriptor) : descriptor_(descriptor) {}
  const capi_plugin& descriptor() const noexcept override { return descriptor_; }
  bool unload() noexcept override { return true; }

 private:
  const capi_plugin& descriptor_;
};

}  // namespace

Result<std::unique_ptr<Library>> Library::load(SealedFile file) {
  const std::string shown = file.path.string();
  try {
    using boost::dll::load_mode::rtld_local;
    using boost::dll::load_mode::rtld_now;
    boost::dll::shared_library handle("/proc/self/fd/" + std::to_string(file.fd.get()),
                                      rtld_now | rtld_local);
    if (!handle.has(CALLERAPI_PLUGIN_SYMBOL))
      return rejected(shown, "format_entry_missing",
                      "does not export '" CALLERAPI_PLUGIN_SYMBOL "'");
    const auto& descriptor = handle.get<const capi_plugin>(CALLERAPI_PLUGIN_SYMBOL);
    return std::unique_ptr<Library>(
        std::make_unique<LoadedLibrary>(std::move(file), std::move(handle), descriptor));
  } catch (const std::exception& e) {
    return rejected(shown, "load_failed", std::string("the loader refused it: ") + e.what());
  }
}

std::unique_ptr<Library> Library::linked_in(const capi_plugin& descriptor) {
  return std::make_unique<LinkedIn>(descriptor);
}

}  // namespace callerapi::host
