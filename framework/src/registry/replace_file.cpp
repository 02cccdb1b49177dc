#include "registry/replace_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

namespace callerapi::registry {
namespace {

Error failed(const std::filesystem::path& file, int error) {
  return {.outcome = Outcome::registry_invalid,
          .reason = "write",
          .message =
              file.string() + ": cannot be written: " + std::strerror(error) + "; it is as it was"};
}

bool write_all(int fd, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<host::Fd> lock_folder(const std::filesystem::path& folder) {
  host::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed(folder, errno);
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return failed(folder, errno);
  return fd;
}

Result<void> replace_file(const std::filesystem::path& file, std::span<const char> bytes,
                          mode_t mode) {
  struct stat before {};
  const bool there = ::stat(file.c_str(), &before) == 0;
  std::string beside = (file.parent_path() / ("." + file.filename().string() + ".XXXXXX")).string();
  host::Fd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return failed(file, errno);
  // Only root may give a file away; a file of another owner in a folder of ours becomes ours.
  const bool same_owner = !there || ::fchown(fd.get(), before.st_uid, before.st_gid) == 0 ||
                          before.st_uid == ::geteuid() || errno == EPERM;
  const bool written = same_owner && write_all(fd.get(), bytes) &&
                       ::fchmod(fd.get(), there ? before.st_mode & 07777 : mode) == 0 &&
                       ::fsync(fd.get()) == 0 && ::rename(beside.c_str(), file.c_str()) == 0;
  if (!written) {
    const int error = errno;
    ::unlink(beside.c_str());
    return failed(file, error);
  }
  const host::Fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
  return {};
}

}  // namespace callerapi::registry
