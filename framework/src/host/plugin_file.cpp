#include "host/plugin_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/digest.hpp"
#include "base/limits.hpp"
#include "host/elf_image.hpp"
#include "host/sealed_copy.hpp"
#include "wire/syntax.hpp"

namespace callerapi::host {

Fd::Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {

constexpr std::string_view suffix = ".capi.so";
// FAT counts its times in steps of 2 s; all others are finer.
constexpr std::int64_t rest_ns = 2'000'000'000;

std::int64_t ns(const struct timespec& t) noexcept { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

FileStamp stamp_from(const struct stat& info) noexcept {
  return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size), ns(info.st_mtim),
          ns(info.st_ctim)};
}

/// Nothing for a file that changed while it was read, or so shortly before that another change
/// could leave the same stamp.
std::optional<FileStamp> lasting_stamp(int fd, const struct stat& before) noexcept {
  struct stat after {};
  struct timespec now {};
  if (::fstat(fd, &after) != 0 || ::clock_gettime(CLOCK_REALTIME, &now) != 0) return {};
  const FileStamp stamp = stamp_from(before);
  if (stamp_from(after) != stamp || ns(now) - stamp.changed_ns < rest_ns) return {};
  return stamp;
}

std::string error_text(int error) { return std::strerror(error); }

/// Who else could have written these bytes?
Result<void> check_owner(const std::string& file, const struct stat& info) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid())
    return rejected(file, PluginFault::integrity_unsafe_owner,
                    "belongs to user " + std::to_string(info.st_uid) +
                        "; expected root or this process's user " + std::to_string(::geteuid()));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return rejected(file, PluginFault::integrity_unsafe_mode,
                    "is writable by group or others; run: chmod go-w '" + file + "'");
  return {};
}

Result<std::string> read_all(int fd, std::size_t size, const std::string& file) {
  std::string bytes(size, '\0');
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ::read(fd, bytes.data() + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return rejected(file, PluginFault::integrity_unreadable, error_text(errno));
    if (n == 0)
      return rejected(file, PluginFault::format_truncated,
                      "became shorter while it was read: " + std::to_string(at) + " of " +
                          std::to_string(size) + " bytes");
    at += static_cast<std::size_t>(n);
  }
  return bytes;
}

/// What maps of the process, core dumps and profilers will show of the copy: the file, and which
/// plugin of which build it is.
std::string label_of(const std::string& bytes, const std::filesystem::path& path) {
  std::string label = path.filename().string();
  const auto image = ElfImage::read(bytes, label);
  if (!image) return label;
  const auto text = [](const auto& from) {
    return wire::printable(std::string_view(from, ::strnlen(from, sizeof from)));
  };
  if (const auto& note = image->note()) label += ":" + text(note->id) + "@" + text(note->version);
  if (!image->build_id().empty()) label += ":" + image->build_id().substr(0, 16);
  std::ranges::replace(label, '/', '?');
  label.resize(std::min<std::size_t>(label.size(), 200));  // the kernel takes 249
  return label;
}

}  // namespace

std::string plugin_file_name(const std::string& name) {
  return name.ends_with(suffix) ? name : name + std::string(suffix);
}

std::optional<FileStamp> stamp_of(const std::filesystem::path& path) noexcept {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return stamp_from(info);
}

Result<std::filesystem::path> plugin_path(const std::filesystem::path& directory,
                                          const std::string& name) {
  const std::string file = plugin_file_name(name);
  if (file.find('/') != std::string::npos || file.starts_with('.'))
    return rejected(name, PluginFault::registry_plugin_path,
                    "a plugin is named by its file inside plugin_dir, without '/' and '..'");
  const auto path = directory / file;
  std::error_code failed;
  const auto real = std::filesystem::canonical(path, failed);
  if (failed)
    return rejected(path.string(), PluginFault::registry_missing_file,
                    failed.message() + "; plugin_dir is " + directory.string());
  const auto root = std::filesystem::canonical(directory, failed);
  const std::string inside = root.string() + "/";
  // A folder that has gone since has no inside.
  if (failed || !real.string().starts_with(inside))
    return rejected(path.string(), PluginFault::registry_plugin_path,
                    "leads out of plugin_dir to " + real.string());
  return real;
}

Result<SealedFile> seal_plugin(const std::filesystem::path& path, bool insecure_permissions) {
  const std::string file = path.string();
  // What stands there is found out before it is opened: a FIFO would hang the host, a socket cannot
  // be opened, and to open a device may set something off.
  const Fd place(::open(file.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return rejected(file, PluginFault::registry_missing_file, error_text(errno));
  struct stat info {};
  if (::fstat(place.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return rejected(file, PluginFault::integrity_not_regular, "is not a regular file");
  const std::string same = "/proc/self/fd/" + std::to_string(place.get());
  const Fd fd(::open(same.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return rejected(file, PluginFault::integrity_unreadable, error_text(errno));
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > base::limits::plugin_bytes_max)
    return rejected(file, PluginFault::integrity_too_large,
                    std::to_string(size) + " bytes, at most " +
                        std::to_string(base::limits::plugin_bytes_max) + " allowed");
  if (!insecure_permissions)
    if (auto owned = check_owner(file, info); !owned) return std::move(owned).error();
  auto bytes = read_all(fd.get(), size, file);
  if (!bytes) return std::move(bytes).error();
  auto copy = seal_copy(*bytes, file, label_of(*bytes, path));
  if (!copy) return std::move(copy).error();
  SealedFile sealed;
  sealed.path = path;
  sealed.fd = std::move(copy->fd);
  sealed.in_memory = copy->in_memory;
  sealed.size = size;
  sealed.sha256 = base::sha256_hex(*bytes);
  sealed.stamp = lasting_stamp(fd.get(), info);
  return sealed;
}

Result<std::string> sealed_bytes(const SealedFile& file) {
  std::string bytes(file.size, '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t n =
        ::pread(file.fd.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return rejected(file.path.string(), PluginFault::resource_memory,
                      "its copy in memory cannot be read: " + error_text(errno));
    at += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace callerapi::host
