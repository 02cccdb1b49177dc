#include "registry/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace callerapi::registry {

Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const auto refuse = [](std::string why) {
    return Error{.outcome = Outcome::registry_invalid, .reason = "file", .message = std::move(why)};
  };
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    return refuse(failed ? failed.message() : "is not a file");
  // What stands there may be another by now: a pipe must not make us wait.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return refuse(std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  std::size_t size = 0;
  struct stat info {};
  ssize_t got = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? 1 : -1;
  while (got > 0 && size < text.size()) {
    while ((got = ::read(fd, text.data() + size, text.size() - size)) < 0 && errno == EINTR)
      continue;
    size += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  ::close(fd);
  if (got < 0) return refuse("cannot be read");
  text.resize(size);
  text.shrink_to_fit();
  if (text.size() > bytes_max)
    return refuse("is longer than " + std::to_string(bytes_max) + " bytes");
  return text;
}

}  // namespace callerapi::registry
