#include "storage/service_range.hpp"

#include <algorithm>
#include <charconv>

namespace storage {
namespace {

bool number(std::string_view text, std::uint64_t& out) noexcept {
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && stop == end && !text.empty();
}

}  // namespace

RangeKind read_range(std::string_view header, std::uint64_t size, Range& into) noexcept {
  into = {0, size};
  constexpr std::string_view unit = "bytes=";
  if (!header.starts_with(unit)) return RangeKind::whole;
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos)
    return RangeKind::whole;
  const std::string_view from = header.substr(0, dash), to = header.substr(dash + 1);
  std::uint64_t first = 0, last = 0;
  if (from.empty()) {
    if (!number(to, last)) return RangeKind::whole;
    if (last == 0 || size == 0) return RangeKind::unsatisfiable;
    into.count = std::min(last, size);
    into.first = size - into.count;
    return RangeKind::part;
  }
  if (!number(from, first)) return RangeKind::whole;
  if (!to.empty() && (!number(to, last) || last < first)) return RangeKind::whole;
  if (first >= size) return RangeKind::unsatisfiable;
  last = to.empty() ? size - 1 : std::min(last, size - 1);
  into = {first, last - first + 1};
  return RangeKind::part;
}

}  // namespace storage
