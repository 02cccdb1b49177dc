#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"
#include "host/faults.hpp"

namespace callerapi::host {

/// A file descriptor with an owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept;
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Which file it was when it was read, as the system tells files and their changes apart.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

/// The stamp of what `path` leads to; nullopt: of nothing that can be asked.
std::optional<FileStamp> stamp_of(const std::filesystem::path& path) noexcept;

/// The bytes of one plugin, sealed: what was checked is what will be loaded, whatever happens to
/// the file.
struct SealedFile {
  std::filesystem::path path;  ///< Where it came from, for messages.
  Fd fd;                       ///< Of a copy that nobody can write any more.
  bool in_memory = true;       ///< Else an unnamed file; see sealed_copy.hpp.
  std::size_t size = 0;
  std::string sha256;
  /// Set when a file with the same stamp must have the same bytes: it had rested for longer than
  /// the clock of any file system is coarse, and did not change while it was read.
  std::optional<FileStamp> stamp;
};

/// "x.capi.so", also for "x".
std::string plugin_file_name(const std::string& name);
/// The file of that plugin inside `directory`, and nowhere else.
Result<std::filesystem::path> plugin_path(const std::filesystem::path& directory,
                                          const std::string& name);

/// Reads the file once into a sealed copy. Refuses what is not a regular file, too large,
/// or writable by strangers (unless `insecure_permissions`).
Result<SealedFile> seal_plugin(const std::filesystem::path& path, bool insecure_permissions);

/// Its bytes once more. Errors: resource_memory.
Result<std::string> sealed_bytes(const SealedFile& file);

}  // namespace callerapi::host
