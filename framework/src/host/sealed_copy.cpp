#include "host/sealed_copy.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "host/faults.hpp"

namespace callerapi::host {
namespace {

constexpr std::size_t probe_bytes = 4096;

Result<void> write_all(int fd, const std::string& bytes, const std::string& file) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t n = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return rejected(file, PluginFault::resource_memory,
                      std::string("no room for its copy: ") + std::strerror(errno));
    at += static_cast<std::size_t>(n);
  }
  return {};
}

/// 0, or the error of mapping it the way the loader will.
int executable(int fd) noexcept {
  void* at = ::mmap(nullptr, probe_bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) return errno;
  ::munmap(at, probe_bytes);
  return 0;
}

/// Empty when the system has no executable memory files; `why` then says so.
Result<Fd> in_memory(const std::string& bytes, const std::string& file, const std::string& label,
                     std::string& why) {
  Fd memory(::memfd_create(("callerapi:" + label).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) {
    const int error = errno;
    if (error == EMFILE || error == ENFILE)
      return rejected(file, PluginFault::resource_fds,
                      std::string("no memory file: ") + std::strerror(error));
    why = std::strerror(error);
    return Fd();
  }
  if (auto written = write_all(memory.get(), bytes, file); !written)
    return std::move(written).error();
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return rejected(file, PluginFault::integrity_unsealed,
                    std::string("its copy could not be sealed: ") + std::strerror(errno));
  if (const int error = executable(memory.get()); error != 0) {
    why = std::strerror(error);
    return Fd();
  }
  return memory;
}

/// Has the file these bytes and no others?
bool holds(int fd, const std::string& bytes) {
  std::string copy(bytes.size() + 1, '\0');
  std::size_t at = 0;
  for (;;) {
    const ssize_t n = ::pread(fd, copy.data() + at, copy.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  copy.resize(at);
  return copy == bytes;
}

/// In a folder that only this user can enter, and unlinked before it is read back: whoever runs as
/// this user could have changed it in between, and could as well change this process.
Result<Fd> in_file(const std::string& bytes, const std::string& file, const std::string& label,
                   const std::string& why) {
  std::error_code failed;
  const auto root = std::filesystem::temp_directory_path(failed);
  std::string folder = (root / "callerapi-XXXXXX").string();
  const auto unusable = [&](int error) {
    return rejected(file, PluginFault::resource_executable,
                    "its copy cannot be executed: memory: " + why + "; " + root.string() + ": " +
                        std::strerror(error) +
                        "; set TMPDIR to a folder that is not mounted noexec");
  };
  if (failed || ::mkdtemp(folder.data()) == nullptr) return unusable(failed ? ENOENT : errno);
  const std::string name = folder + "/callerapi:" + label;
  Fd writer(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0500));
  const int error = writer ? 0 : errno;
  Fd reader(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  ::unlink(name.c_str());
  ::rmdir(folder.c_str());
  if (!writer || !reader) return unusable(error);
  if (auto written = write_all(writer.get(), bytes, file); !written)
    return std::move(written).error();
  writer = Fd();
  if (const int denied = executable(reader.get()); denied != 0) return unusable(denied);
  if (!holds(reader.get(), bytes))
    return rejected(file, PluginFault::integrity_unsealed, "its copy was changed by somebody else");
  return reader;
}

}  // namespace

Result<SealedCopy> seal_copy(const std::string& bytes, const std::string& file,
                             const std::string& label) {
  std::string why;
  auto memory = in_memory(bytes, file, label, why);
  if (!memory) return std::move(memory).error();
  if (*memory) return SealedCopy{std::move(*memory), true};
  auto unnamed = in_file(bytes, file, label, why);
  if (!unnamed) return std::move(unnamed).error();
  return SealedCopy{std::move(*unnamed), false};
}

}  // namespace callerapi::host
