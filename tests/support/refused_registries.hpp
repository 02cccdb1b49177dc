#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace callerapi::support {

/// A registry that must be refused.
struct RefusedRegistry {
  std::string name;     ///< Of the file, "unknown_key.toml".
  std::string text;     ///< All of it, the two lines below included.
  std::string reason;   ///< Its first line.
  std::string message;  ///< Its second line: what is said, place first.
};

/// How gtest names one.
inline void PrintTo(const RefusedRegistry& one, std::ostream* out) { *out << one.name; }

/// The samples of tests/unit/registry/refused, one for each rule, by name. `source` is the root of
/// the source tree.
inline std::vector<RefusedRegistry> refused_registries(const std::filesystem::path& source) {
  std::vector<RefusedRegistry> all;
  for (const auto& entry :
       std::filesystem::directory_iterator(source / "tests/unit/registry/refused")) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    RefusedRegistry one{entry.path().filename().string(), text.str(), {}, {}};
    std::istringstream lines(one.text);
    for (std::string* line : {&one.reason, &one.message})
      if (std::getline(lines, *line)) line->erase(0, 2);  // "# "
    all.push_back(std::move(one));
  }
  std::ranges::sort(all, {}, &RefusedRegistry::name);
  return all;
}

}  // namespace callerapi::support
