#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "registry/auth_entry.hpp"
#include "wire/syntax.hpp"

namespace callerapi::registry {
namespace {

// The longest tokens in use, with a list of groups in them, are near 16 KiB.
constexpr std::size_t secret_bytes_max = 64u << 10;

Error refuse(std::string why) {
  return {.outcome = Outcome::registry_invalid, .reason = "file", .message = std::move(why)};
}

}  // namespace

std::string_view name(AuthEntry::Type type) noexcept {
  constexpr std::string_view names[] = {"none", "bearer", "basic", "oauth2"};
  return names[static_cast<std::size_t>(type)];
}

Result<std::string> read_secret_file(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    return refuse(failed ? failed.message() : "is not a file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return refuse(std::strerror(errno));
  std::string text(secret_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return refuse("cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > secret_bytes_max)
    return refuse("is longer than " + std::to_string(secret_bytes_max) + " bytes");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return refuse("is empty");
  if (!wire::is_field_value(text)) return refuse("holds a control byte before its end");
  return text;
}

}  // namespace callerapi::registry
