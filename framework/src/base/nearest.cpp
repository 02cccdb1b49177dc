#include "base/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace callerapi::base {
namespace {

// A longer text is nobody's typing error, and the table below is quadratic.
constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t shown_max = 12;

/// Optimal string alignment: like Levenshtein, with a swap of neighbours as one edit.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest(std::string_view wrong, std::span<const std::string> names) {
  if (wrong.empty() || wrong.size() > name_bytes_max) return {};
  std::size_t best = std::min<std::size_t>(3, std::max<std::size_t>(1, wrong.size() / 3)) + 1;
  const std::string* found = nullptr;
  for (const std::string& name : names) {
    const auto shorter = std::min(name.size(), wrong.size());
    const auto longer = std::max(name.size(), wrong.size());
    if (longer - shorter >= best || name.size() > name_bytes_max) continue;
    if (const std::size_t edits = distance(wrong, name); edits < best) {
      best = edits;
      found = &name;
    }
  }
  return found ? *found : std::string();
}

std::string suggestion(std::string_view wrong, std::span<const std::string> names) {
  if (const std::string near = nearest(wrong, names); !near.empty())
    return "; did you mean '" + near + "'?";
  if (names.empty()) return {};
  std::string text = "; known are ";
  for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i)
    text += (i ? ", " : "") + names[i];
  if (names.size() > shown_max)
    text += " and " + std::to_string(names.size() - shown_max) + " more";
  return text;
}

}  // namespace callerapi::base
