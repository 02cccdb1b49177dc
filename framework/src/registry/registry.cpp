#include "registry/registry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/limits.hpp"
#include "base/trust.hpp"
#include "registry/reader.hpp"
#include "registry/registry_file.hpp"
#include "registry/toml_file.hpp"

namespace callerapi::registry {
namespace {

Error refuse(std::string reason, std::string text) {
  return {.outcome = Outcome::registry_invalid,
          .reason = std::move(reason),
          .message = std::move(text)};
}

Result<Registry> answer(Registry registry, std::vector<Error> faults, std::vector<Error>* all) {
  if (faults.empty()) return registry;
  Error first = faults.front();
  if (faults.size() > 1) first.message += " (+" + std::to_string(faults.size() - 1) + " more)";
  if (all) *all = std::move(faults);
  return first;
}

}  // namespace

Result<std::string> contents(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& why) {
    return refuse("missing", file.string() + ": " + why);
  };
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return fail(std::strerror(errno));
  struct stat info {};
  std::string text;
  ssize_t got = -1;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
    const auto size_now = static_cast<std::size_t>(info.st_size);
    text.resize(std::min(size_now, base::limits::registry_bytes_max) + 1);
    std::size_t size = 0;
    while ((got = ::read(fd, text.data() + size, text.size() - size)) > 0)
      size += static_cast<std::size_t>(got);
    text.resize(size);
  }
  ::close(fd);
  if (got < 0) return fail("is not a file that can be read");
  return text;
}

Result<Registry> parse_registry(std::string_view text, const std::string& shown_name,
                                const std::filesystem::path& directory,
                                const Environment& environment, std::vector<Error>* all) {
  auto root = parse_toml(text, shown_name);
  if (!root) return answer({}, {std::move(root).error()}, all);
  Reader reader(shown_name, directory, environment, all != nullptr);
  Registry registry = reader.read(*root);
  return answer(std::move(registry), reader.faults(), all);
}

Result<Registry> read_registry(const std::filesystem::path& path, const Environment& environment,
                               std::vector<Error>* all) {
  std::error_code failed;
  const auto file = std::filesystem::canonical(path, failed);
  if (failed)
    return answer({},
                  {refuse("missing", path.string() + ": " + failed.message() +
                                         "; name another with --registry or CALLERAPI_REGISTRY")},
                  all);
  auto text = contents(file);
  if (!text) return answer({}, {std::move(text).error()}, all);
  const std::string shown = path.filename().string();
  // Relative paths start where the name stands, not where a symlink leads.
  const auto directory = std::filesystem::absolute(path, failed).parent_path();
  auto registry = parse_registry(*text, shown, directory, environment, all);
  if (!registry || registry->insecure_permissions) return registry;
  if (const std::string why = base::distrust(file); !why.empty())
    return answer(
        {},
        {refuse("unsafe_mode",
                shown + ": " + why + ", or set insecure_permissions = true under [caller]")},
        all);
  return registry;
}

}  // namespace callerapi::registry
