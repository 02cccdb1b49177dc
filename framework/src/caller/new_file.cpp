#include "caller/new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

namespace callerapi::caller {
namespace {

constexpr int names_tried = 100;

Error failed(Outcome outcome, const std::string& path, const char* what) {
  return {.outcome = outcome,
          .reason = "file",
          .message = path + ": " + what + ": " + std::strerror(errno)};
}

Error broken(const std::string& path, const char* what) {
  return failed(Outcome::resource_exhausted, path, what);
}

}  // namespace

NewFile::NewFile(int fd, std::string path, std::string beside)
    : fd_(fd), path_(std::move(path)), beside_(std::move(beside)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      beside_(std::exchange(other.beside_, {})) {}

NewFile::~NewFile() {
  if (!beside_.empty()) ::unlink(beside_.c_str());
  if (fd_ >= 0) ::close(fd_);
}

Result<NewFile> NewFile::create(const std::string& path) {
  std::random_device random;
  for (int i = 0; i < names_tried; ++i) {
    std::string beside = path + "." + std::to_string(random()) + ".part";
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return NewFile(fd, path, std::move(beside));
    if (errno != EEXIST) break;
  }
  return failed(Outcome::invalid_argument, path, "cannot make a file beside it");
}

Result<void> NewFile::write(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return broken(path_, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> NewFile::restart() {
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0)
    return broken(path_, "cannot begin anew");
  return {};
}

Result<void> NewFile::commit() {
  if (::fsync(fd_) != 0) return broken(path_, "cannot sync");
  // The name lasts only when its folder has been written too. Opened first: once the name is taken
  // an error would say that it is not.
  const auto folder = std::filesystem::path(path_).parent_path();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool may_list = fd >= 0 || errno != EACCES;
  if (fd < 0 && may_list) return broken(path_, "cannot open its folder");
  const bool named = ::rename(beside_.c_str(), path_.c_str()) == 0;
  auto done = named ? Result<void>() : broken(path_, "cannot take the name");
  if (named) beside_.clear();
  // Network file systems know no sync of a folder, and keep names by other means.
  if (named && may_list && ::fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
    done = broken(path_, "cannot sync its folder");
  if (may_list) ::close(fd);
  return done;
}

}  // namespace callerapi::caller
