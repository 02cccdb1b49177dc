#include "registry/names.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace callerapi::registry {
namespace {

bool lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

bool is_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > base::limits::service_name_bytes_max || !lower(name.front()))
    return false;
  bool separated = false;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_';
    if (separator ? separated : !lower(c) && !digit(c)) return false;
    separated = separator;
  }
  return !separated;
}

std::string variable_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c == '-' ? '_' : lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string key_of_variable(std::string_view variable) {
  std::string key;
  for (std::size_t i = 0; i < variable.size(); ++i) {
    const char c = variable[i];
    if (variable.substr(i, 2) == "__") {
      key += '.';
      ++i;
    } else {
      key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (key.starts_with("headers.")) std::ranges::replace(key, '_', '-');
  return key;
}

}  // namespace callerapi::registry
