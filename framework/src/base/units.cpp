#include "base/units.hpp"

#include <charconv>
#include <limits>

namespace callerapi::base {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t worth;
};
// Largest first: formatting takes the first that divides.
constexpr Unit time_units[] = {{"d", 86'400'000'000'000}, {"h", 3'600'000'000'000},
                               {"m", 60'000'000'000},     {"s", 1'000'000'000},
                               {"ms", 1'000'000},         {"us", 1'000}};
constexpr Unit byte_units[] = {
    {"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

constexpr std::size_t fraction_digits_max = 9;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Whole number, optional fraction, unit. Decimal arithmetic: 0.1s is exactly 100 ms.
template <std::size_t N>
std::optional<std::int64_t> parse(std::string_view text, const Unit (&units)[N], bool fraction) {
  std::int64_t whole = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || !is_digit(text.front())) return {};
  auto [stop, error] = std::from_chars(text.data(), end, whole);
  if (error != std::errc()) return {};
  std::int64_t part = 0, scale = 1;
  if (fraction && stop != end && *stop == '.') {
    const char* const first = ++stop;
    while (stop != end && is_digit(*stop)) {
      if (static_cast<std::size_t>(stop - first) == fraction_digits_max) return {};
      part = part * 10 + (*stop++ - '0'), scale *= 10;
    }
    if (stop == first) return {};
  }
  const std::string_view name(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (whole >= std::numeric_limits<std::int64_t>::max() / unit.worth) return {};
    // Split so that neither product can overflow: part < scale <= 1e9.
    return whole * unit.worth + unit.worth / scale * part + unit.worth % scale * part / scale;
  }
  return {};
}

template <std::size_t N>
std::string format(std::int64_t value, const Unit (&units)[N]) {
  for (const Unit& unit : units)
    if (value % unit.worth == 0) return std::to_string(value / unit.worth) + std::string(unit.name);
  return std::to_string(value / units[N - 1].worth) + std::string(units[N - 1].name);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const auto parsed = parse(text, time_units, true);
  if (!parsed) return {};
  return Duration(*parsed);
}

std::string format_duration(Duration value) {
  return value == Duration::zero() ? "0s" : format(value.count(), time_units);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::string with_unit(text);
  if (!text.empty() && is_digit(text.back())) with_unit += 'B';
  const auto parsed = parse(with_unit, byte_units, false);
  if (!parsed) return {};
  return static_cast<std::uint64_t>(*parsed);
}

std::string format_bytes(std::uint64_t bytes) {
  return bytes == 0 ? "0B" : format(static_cast<std::int64_t>(bytes), byte_units);
}

}  // namespace callerapi::base
