#pragma once

#include <map>
#include <string>
#include <vector>

namespace callerapi::wire {

/// What `[caller]` says about names. A value.
struct NameSettings {
  bool system = false;  ///< getaddrinfo on worker threads, in place of c-ares.
  /// `[caller.hosts]`: lower-case name without a last dot -> numeric addresses in the order to try
  /// them.
  std::map<std::string, std::vector<std::string>> hosts;

  bool operator==(const NameSettings&) const = default;
};

}  // namespace callerapi::wire
