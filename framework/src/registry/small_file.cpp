#include "registry/small_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace callerapi::registry {

Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const auto refuse = [](std::string why) {
    return Error{.outcome = Outcome::registry_invalid, .reason = "file", .message = std::move(why)};
  };
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    return refuse(failed ? failed.message() : "is not a file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return refuse(std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return refuse("cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  text.shrink_to_fit();
  if (text.size() > bytes_max)
    return refuse("is longer than " + std::to_string(bytes_max) + " bytes");
  return text;
}

}  // namespace callerapi::registry
