#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "callerapi/json.hpp"

namespace callerapi::json {
namespace {

using namespace std::chrono;

/// Takes `count` digits from the front of `text`; -1 when there are fewer.
int take_digits(std::string_view& text, std::size_t count) {
  int value = -1;
  if (text.size() < count) return -1;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || stop != text.data() + count || text.front() == '-') return -1;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// Digits behind the decimal point, beyond nanoseconds cut off; false: there is none.
bool take_fraction(std::string_view& text, nanoseconds& into) {
  std::int64_t unit = 100'000'000, sum = 0;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    sum += (text.front() - '0') * unit;
    unit /= 10;
    any = true;
    text.remove_prefix(1);
  }
  into = nanoseconds(sum);
  return any;
}

/// "Z" or "+hh:mm": what must be taken off to come to UTC.
std::optional<minutes> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return minutes(0);
  const bool west = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const int h = take_digits(text, 2);
  const bool colon = take(text, ":");
  const int m = take_digits(text, 2);
  if (!colon || h < 0 || h > 23 || m < 0 || m > 59) return std::nullopt;
  return west ? -minutes(h * 60 + m) : minutes(h * 60 + m);
}

}  // namespace

std::string format_time(Time time, int fraction_digits) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<nanoseconds> clock(time - day);
  std::array<char, 48> text;
  int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  std::string out(text.data(), static_cast<std::size_t>(size));
  if (fraction_digits > 0) {
    size = std::snprintf(text.data(), text.size(), ".%09d",
                         static_cast<int>(clock.subseconds().count()));
    out.append(text.data(), static_cast<std::size_t>(std::min(fraction_digits, 9)) + 1);
  }
  return out + 'Z';
}

std::optional<Time> parse_time(std::string_view text) {
  const int y = take_digits(text, 4);
  bool sound = take(text, "-");
  const int mo = take_digits(text, 2);
  sound = take(text, "-") && sound;
  const int d = take_digits(text, 2);
  sound = take(text, "Tt ") && sound;
  const int h = take_digits(text, 2);
  sound = take(text, ":") && sound;
  const int mi = take_digits(text, 2);
  sound = take(text, ":") && sound;
  int s = take_digits(text, 2);
  nanoseconds fraction{0};
  if (take(text, ".")) sound = take_fraction(text, fraction) && sound;
  const auto offset = take_offset(text);
  if (!sound || !offset || !text.empty() || y < 0 || mo < 0 || d < 0) return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                            day(static_cast<unsigned>(d))};
  // A leap second has no number of its own here: it is the last moment of its minute.
  if (s == 60) s = 59, fraction = nanoseconds(999'999'999);
  if (!date.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59) return std::nullopt;
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  if (y < 1678 || y > 2261) return std::nullopt;
  return Time(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + fraction - *offset;
}

}  // namespace callerapi::json
