// What the values of settings look like as text.
#include <algorithm>
#include <charconv>
#include <optional>

#include "base/units.hpp"
#include "callerapi/headers.hpp"
#include "catalogue/keys.hpp"
#include "wire/encode.hpp"
#include "wire/syntax.hpp"

namespace callerapi::catalogue {
namespace {

constexpr std::size_t path_bytes_max = 2048;

using enum KeyType;

Error refuse(std::string reason, std::string message) {
  return {.outcome = Outcome::registry_invalid,
          .reason = std::move(reason),
          .message = std::move(message)};
}

std::string quoted(std::string_view text) { return "\"" + wire::printable(text) + "\""; }

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return {};
  return value;
}

/// "10%" or "2.5%", in thousandths.
std::optional<std::int64_t> read_share(std::string_view text) {
  if (!text.ends_with('%')) return {};
  text.remove_suffix(1);
  std::int64_t tenths = 0;
  if (text.size() > 2 && text[text.size() - 2] == '.') {
    tenths = text.back() - '0';
    if (tenths < 0 || tenths > 9) return {};
    text.remove_suffix(2);
  }
  const auto whole = read_integer(text);
  if (!whole || *whole < 0 || *whole > 1'000'000) return {};
  return *whole * 10 + tenths;
}

std::optional<std::int64_t> read(const Key& key, std::string_view text) {
  switch (key.type) {
    case duration: {
      const auto value = base::parse_duration(text);
      if (!value) return {};
      return value->count();
    }
    case size: {
      const auto value = base::parse_bytes(text);
      if (!value) return {};
      return static_cast<std::int64_t>(*value);
    }
    case boolean:
      if (text == "true") return 1;
      if (text == "false") return 0;
      return {};
    case integer:
      return read_integer(text);
    case share:
      return read_share(text);
    case choice: {
      const auto word = std::ranges::find(key.words, text);
      if (word == key.words.end()) return {};
      return word - key.words.begin();
    }
    case KeyType::text:
    case KeyType::path:
      break;  // has no number
  }
  return {};
}

std::string listed(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace

std::string_view name(KeyType type) noexcept {
  constexpr std::string_view names[] = {"duration", "integer", "boolean", "size",
                                        "text",     "path",    "share",   "choice"};
  return names[static_cast<std::size_t>(type)];
}

std::string_view example(KeyType type) noexcept {
  constexpr std::string_view examples[] = {"a duration such as \"2s\" or \"500ms\"",
                                           "a whole number such as 3",
                                           "true or false",
                                           "a size such as \"16MiB\" or \"64KiB\"",
                                           "a text such as \"abc\"",
                                           "a path such as \"/health\", or off",
                                           "a share such as \"10%\" or \"2.5%\"",
                                           "a word"};
  return examples[static_cast<std::size_t>(type)];
}

std::string range_text(const Key& key) {
  if (key.type == choice) return listed(key.words);
  if (key.type == boolean || key.set_text != nullptr) return {};
  return value_text(key, key.min) + " to " + value_text(key, key.max);
}

std::string value_text(const Key& key, std::int64_t value) {
  switch (key.type) {
    case duration:
      return base::format_duration(Duration(value));
    case size:
      return base::format_bytes(static_cast<std::uint64_t>(value));
    case boolean:
      return value != 0 ? "true" : "false";
    case share:
      return std::to_string(value / 10) +
             (value % 10 != 0 ? "." + std::to_string(value % 10) : "") + "%";
    case choice:
      return std::string(key.words[static_cast<std::size_t>(value)]);
    case integer:
    case KeyType::text:
    case KeyType::path:
      break;
  }
  return std::to_string(value);
}

Result<std::int64_t> parse_value(const Key& key, std::string_view text) {
  if (key.type == KeyType::text) {
    if (may_be_set(text) && !is_secret_header(text)) return 0;
    // The key is hidden where it is shown, but it is no credential.
    if (same_name(text, key.fallback)) return 0;
    return refuse("header_name",
                  "expected the name of a header field such as \"X-Deadline\", and none that the "
                  "engine or a credential goes by, saw " +
                      quoted(text));
  }
  if (key.type == KeyType::path) {
    const bool is_path = text.starts_with('/') && wire::is_uri_text(text);
    if (text == "off" || (is_path && text.size() <= path_bytes_max)) return 0;
    return refuse("wrong_type", "expected " + std::string(example(key.type)) + ", saw " +
                                    quoted(text.substr(0, 100)));
  }
  const auto value = read(key, text);
  if (!value)
    return refuse("wrong_type", "expected " +
                                    (key.type == choice ? "one of " + listed(key.words)
                                                        : std::string(example(key.type))) +
                                    ", saw " + quoted(text));
  if (*value < key.min || *value > key.max)
    return refuse("out_of_range", "expected " + range_text(key) + ", saw " + quoted(text));
  return *value;
}

Result<void> check_value(std::string_view key, std::string_view text) {
  if (key == "timeouts") {
    if (preset(text).empty())
      return refuse("wrong_type",
                    "expected a table of timeouts or the preset \"python\", saw " + quoted(text));
    return {};
  }
  if (key.starts_with("headers.")) {
    // The value may be a credential: it is not shown.
    if (!wire::is_field_value(text))
      return refuse("header_value", "holds a control byte; only visible characters may be sent");
    return {};
  }
  const Key* row = find_key(key);
  if (!row) return refuse("unknown_key", "unknown key");
  if (auto parsed = parse_value(*row, text); !parsed) return std::move(parsed).error();
  return {};
}

}  // namespace callerapi::catalogue
