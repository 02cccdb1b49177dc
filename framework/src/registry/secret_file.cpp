#include <utility>

#include "registry/auth_entry.hpp"
#include "registry/small_file.hpp"
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
  auto read = read_small_file(path, secret_bytes_max);
  if (!read) return read;
  std::string text = std::move(*read);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) return refuse("is empty");
  if (!wire::is_field_value(text)) return refuse("holds a control byte before its end");
  return text;
}

}  // namespace callerapi::registry
