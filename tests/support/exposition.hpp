#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace callerapi::support {

/// What stands in a text of Prometheus' format.
struct Exposed {
  std::map<std::string, double> samples;     ///< By name and labels as written.
  std::map<std::string, std::string> types;  ///< By family.
  std::vector<std::string> faults;           ///< Empty: every rule of the format is kept.

  /// -1: no such sample.
  double value(const std::string& sample) const {
    const auto found = samples.find(sample);
    return found == samples.end() ? -1 : found->second;
  }
};

/// Reads it as strictly as `promtool check metrics` does: names, heads before samples, families in
/// one piece, escapes, no sample twice, counters that end in _total, histograms whole and rising.
Exposed read_exposition(std::string_view text);

}  // namespace callerapi::support
