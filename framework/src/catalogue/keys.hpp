#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/result.hpp"
#include "policy/settings.hpp"
#include "pool/settings.hpp"

namespace callerapi::catalogue {

enum class KeyType : std::uint8_t {
  duration,
  integer,
  boolean,
  size,
  text,    ///< The name of a header field.
  path,    ///< "/health", or off.
  share,   ///< "10%", kept in thousandths.
  choice,  ///< One of the key's words, kept as its number.
};

/// What a setting ended up as and who said so, for `explain`.
struct Origin {
  std::string key;    ///< "timeouts.total", "headers.Accept"
  std::string value;  ///< As written; "(hidden)" for secrets; empty: left to be derived.
  std::string from;   ///< "built-in", "plugin billing 2.3.1", "registry.toml:41", "environment X"
};

/// Every level applied: what one endpoint of one service runs with. `pool` is the same for all
/// endpoints of a service; its host and port are filled by whoever knows the base_url. A value.
struct Effective {
  policy::Settings policy;
  pool::Settings pool;
  std::vector<Origin> origins;  ///< Every key in the table's order, then headers by name.

  /// Null when there is no such key.
  const Origin* origin_of(std::string_view key) const noexcept;
};

/// One line of the one table of settings: what may stand in `[defaults]`, `[services.X]`,
/// `[services.X.endpoints.Y]`, a plugin's policy and the environment.
struct Key {
  std::string_view name;
  KeyType type;
  std::string_view fallback;  ///< Built-in value as text; empty: unset, derived at the call.
  std::int64_t min, max;      ///< Nanoseconds, count, bytes, thousandths or number of a word.
  bool service_only;          ///< Decides about what endpoints share: connections, breaker, budget.
  std::string_view doc;
  void (*set)(Effective&, std::int64_t);
  std::span<const std::string_view> words = {};              ///< Of a choice.
  void (*set_text)(Effective&, std::string_view) = nullptr;  ///< Of a text, in place of `set`.
};

/// Immutable, in the order of the reference page. `timeouts` (the preset) and `headers.<Name>` are
/// no rows of it: see is_setting().
std::span<const Key> keys() noexcept;
/// Null when no row has that name.
const Key* find_key(std::string_view name) noexcept;
/// A row, `timeouts`, or `headers.` with a name that may be set.
bool is_setting(std::string_view name) noexcept;
/// Is it the name of a header field, and none that the framing or a proxy on the way lives by?
bool may_be_set(std::string_view header) noexcept;
/// The dotted names of all rows, for suggestions.
std::span<const std::string> key_names();

/// The word of the enumerator: "duration".
std::string_view name(KeyType) noexcept;
/// What a value of the type looks like: `a duration such as "2s" or "500ms"`.
std::string_view example(KeyType) noexcept;
/// "1ms to 24h", or the words of a choice; empty where any value is good.
std::string range_text(const Key&);
/// The shortest text that parse_value() reads back as `value`.
std::string value_text(const Key&, std::int64_t value);

/// The value of a text in the key's own measure, 0 for that of a text or path. Errors:
/// `registry_invalid` with reason `wrong_type` or `out_of_range`; the message says what was seen
/// and what is right, not where.
Result<std::int64_t> parse_value(const Key&, std::string_view text);
/// Checks the value of `headers.<Name>` or `timeouts`, or parses the value of a row.
Result<void> check_value(std::string_view key, std::string_view text);

/// The texts a preset of `timeouts` stands for; empty for an unknown one.
struct PresetValue {
  std::string_view key, value;
};
std::span<const PresetValue> preset(std::string_view name) noexcept;

/// Header fields whose values are never shown: Authorization, Cookie and their like.
bool is_secret_header(std::string_view name) noexcept;

}  // namespace callerapi::catalogue
