#include "registry/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "registry/small_file.hpp"

namespace callerapi::registry {
namespace {

// A token, a key, a certificate chain: all are smaller.
constexpr std::size_t file_bytes_max = 64u << 10;
// A thousand variables of such a kind would be an odd thing to have.
constexpr std::size_t env_file_bytes_max = 1u << 20;

Error refuse(std::string reason, std::string text) {
  return {.outcome = Outcome::registry_invalid,
          .reason = std::move(reason),
          .message = std::move(text)};
}

bool is_variable(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Result<std::string> from_file(std::string_view name, const std::filesystem::path& directory) {
  const auto fail = [&](const std::string& why) {
    return refuse("file", "${file:" + std::string(name) + "}: " + why);
  };
  const auto path = directory / std::filesystem::path(name);
  std::error_code failed;
  if (name.empty() || !std::filesystem::is_regular_file(path, failed))
    return fail("there is no such file");
  std::ifstream file(path, std::ios::binary);
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) return fail("the file cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max)
    return fail("the file is longer than " + std::to_string(file_bytes_max) + " bytes");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

/// What `${inner}` stands for; `inner` is no file.
Result<std::string> from_variable(std::string_view inner, const Environment& environment) {
  const auto colon = inner.find(':');
  const std::string name(inner.substr(0, colon));
  const std::string_view rest = colon == inner.npos ? "" : inner.substr(colon + 1);
  if (!is_variable(name) ||
      (colon != inner.npos && !rest.starts_with('-') && !rest.starts_with('?')))
    return refuse("expansion",
                  "${" + std::string(inner) +
                      "}: expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:path}");
  const auto found = environment.find(name);
  if (found != environment.end() && !found->second.empty()) return found->second;
  if (rest.starts_with('-')) return std::string(rest.substr(1));
  return refuse("env_missing",
                "environment variable " + name +
                    (found == environment.end() ? " is not set" : " is empty") +
                    (rest.size() > 1 ? "; " + std::string(rest.substr(1))
                                     : "; set it, or write ${" + name + ":-default}"));
}

}  // namespace

Environment process_environment() {
  Environment all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const auto equals = line.find('=');
    if (equals != std::string_view::npos)
      all.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return all;
}

Result<void> add_env_file(Environment& environment, const std::filesystem::path& path) {
  const auto text = read_small_file(path, env_file_bytes_max);
  if (!text)
    return refuse("env_file",
                  path.string() + ": the environment file cannot be read: " + text.error().message);
  Environment lines;
  std::string_view left = *text;
  for (int number = 1; !left.empty(); ++number) {
    std::string line(left.substr(0, left.find('\n')));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (line.ends_with('\r')) line.pop_back();
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    line.erase(0, first);
    if (line.starts_with("export ")) line.erase(0, 7);
    const auto equals = line.find('=');
    if (equals == std::string::npos || !is_variable(line.substr(0, equals)))
      return refuse("env_file",
                    path.string() + ":" + std::to_string(number) + ": expected NAME=value");
    std::string value = line.substr(equals + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    lines.insert_or_assign(line.substr(0, equals), std::move(value));
  }
  environment.merge(lines);
  return {};
}

Result<Expanded> expand(std::string_view text, const Environment& environment,
                        const std::filesystem::path& directory) {
  Expanded out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out.text.append(text.substr(0, dollar));
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    out.changed = true;
    if (text.starts_with("$$")) {
      out.text += '$';
      text.remove_prefix(2);
      continue;
    }
    const auto close = text.find('}');
    if (!text.starts_with("${") || close == std::string_view::npos)
      return refuse("expansion",
                    "a '$' that begins neither '${...}' nor '$$'; write '$$' for a dollar sign");
    const std::string_view inner = text.substr(2, close - 2);
    const bool file = inner.starts_with("file:");
    auto value = file ? from_file(inner.substr(5), directory) : from_variable(inner, environment);
    if (!value) return std::move(value).error();
    out.text += *value;
    out.secret = out.secret || file;
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace callerapi::registry
