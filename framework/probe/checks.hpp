#pragma once

#include <string>
#include <string_view>

namespace callerapi::probe {

/// One check of the conformance kit; it has a process of its own.
struct Check {
  std::string_view name;
  bool wants_copy;               ///< run() is given a descriptor of a second copy of the plugin.
  std::string (*run)(int copy);  ///< One JSON object: verdict and text.
};

/// Null: no such check.
const Check* find_check(std::string_view name);
std::string run(const Check& check, int copy);
/// The bytes of the plugin under another inode, which the loader takes for another library; -1: no
/// memory.
int copy_plugin();

}  // namespace callerapi::probe
