#include "catalogue/resolve.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "base/nearest.hpp"
#include "base/units.hpp"
#include "callerapi/headers.hpp"

namespace callerapi::catalogue {
namespace {

using namespace std::chrono_literals;

constexpr Bound rules[] = {{"timeouts.connect", "timeouts.attempt"},
                           {"timeouts.connect", "timeouts.total"},
                           {"timeouts.attempt", "timeouts.total"},
                           {"retry.base", "retry.cap"},
                           {"retry.throttle_base", "retry.throttle_cap"},
                           {"breaker.open", "breaker.open_max"},
                           {"ejection.base", "ejection.max"}};

/// One key while the layers are laid over each other.
struct Slot {
  const Key* key = nullptr;
  std::optional<std::int64_t> value;
  int level = 0;  ///< 0 is built-in.
  std::string from = "built-in";
  std::string where;
  std::string_view text;  ///< Of a KeyType::text; of a layer or the table.
};
struct Header {
  std::string name, value, from;
  bool secret = false;
};

Error refuse(std::string_view reason, const std::string& where, const std::string& what) {
  return {.outcome = Outcome::registry_invalid,
          .reason = std::string(reason),
          .message = where + ": " + what};
}

std::string text_of(const Slot& slot) { return base::format_duration(Duration(*slot.value)); }

Error contradiction(const Slot& low, const Slot& high) {
  return refuse("contradiction", low.where,
                text_of(low) + " is more than " + std::string(high.key->name) + ", which is " +
                    text_of(high) + " (" + high.from + "); lower this or raise that");
}

std::optional<Error> check_text(const Setting& text, bool endpoint) {
  if (!is_setting(text.key)) {
    if (text.key.starts_with("headers."))
      return refuse("header_name", text.where,
                    "cannot be set: no header name, or one the framework writes itself");
    return refuse("unknown_key", text.where,
                  "unknown key" + base::suggestion(text.key, key_names()));
  }
  const Key* key = find_key(text.key);
  if (endpoint && key && key->service_only)
    return refuse("service_key", text.where,
                  "holds for a whole service; set it under the service or in [defaults]");
  if (auto checked = check_value(text.key, text.value); !checked)
    return refuse(checked.error().reason, text.where, checked.error().message);
  return {};
}

class Resolver {
 public:
  Resolver() : slots_(built_in()) {
    headers_.push_back({"Accept", "application/json", "built-in", false});
  }

  /// The layer has passed check_layer().
  void lay(const Layer& layer, int level) {
    // The preset first: what stands beside it is more particular.
    for (const Setting& text : layer)
      if (text.key == "timeouts")
        for (const PresetValue& value : preset(text.value))
          put(value.key, value.value, text, level);
    for (const Setting& text : layer) {
      if (text.key.starts_with("headers.")) {
        put_header(text);
      } else if (text.key != "timeouts") {
        put(text.key, text.value, text, level);
      }
    }
  }

  /// Every contradiction that is left; none: the values hold together now.
  std::vector<Error> settle() {
    std::vector<Error> errors;
    for (const Bound& rule : rules) {
      Slot& low = slot(rule.low);
      const Slot& high = slot(rule.high);
      if (!low.value || !high.value || *low.value <= *high.value) continue;
      if (low.level > 0 && low.level >= high.level) {
        errors.push_back(contradiction(low, high));
        continue;
      }
      // Connections outlive a call: one endpoint's bound must not make another pool of them.
      if (low.key->service_only) continue;
      low.value = high.value;
      low.from += ", cut to " + std::string(rule.high);
    }
    if (auto twice = settle_names()) errors.push_back(std::move(*twice));
    if (auto adaptive = settle_adaptive()) errors.push_back(std::move(*adaptive));
    if (auto window = settle_window()) errors.push_back(std::move(*window));
    return errors;
  }

  void clamp(const Layer& layer) {
    for (const Setting& text : layer) {
      Slot& bound = slot(text.key);
      const std::int64_t most = *parse_value(*bound.key, text.value);
      if (text.key == "timeouts.total") total_max_ = Duration(most);
      if (text.key == "retry.max_attempts") attempts_max_ = static_cast<int>(most);
      if (!bound.value || *bound.value <= most) continue;
      bound.value = most;
      bound.level = clamp_level;
      bound.from = "clamp " + text.origin;
    }
  }

  Effective effective() {
    Effective all;
    for (const Slot& slot : slots_) {
      if (slot.key->set_text != nullptr) {
        if (slot.text != slot.key->fallback) slot.key->set_text(all, slot.text);
        all.origins.push_back({std::string(slot.key->name), std::string(slot.text), slot.from});
        continue;
      }
      if (slot.value) slot.key->set(all, *slot.value);
      all.origins.push_back({std::string(slot.key->name),
                             slot.value ? value_text(*slot.key, *slot.value) : "", slot.from});
    }
    if (const auto& attempt = slot("timeouts.attempt").value;
        attempt && !slot("breaker.window").value)
      all.policy.breaker.window = std::max(all.policy.breaker.window, 2 * Duration(*attempt));
    std::ranges::sort(headers_, {}, &Header::name);
    for (Header& header : headers_) {
      const bool hide = header.secret || is_secret_header(header.name);
      all.origins.push_back(
          {"headers." + header.name, hide ? "(hidden)" : header.value, header.from});
      // An empty value is how a level takes back what a lower one adds.
      if (!header.value.empty()) all.policy.headers.emplace_back(header.name, header.value);
    }
    all.policy.total_max = total_max_;
    all.policy.attempts_max = attempts_max_;
    return all;
  }

  static constexpr int clamp_level = 100;

 private:
  /// Read once: every service and endpoint begins with these.
  static const std::vector<Slot>& built_in() {
    static const std::vector<Slot> slots = [] {
      std::vector<Slot> made;
      for (const Key& key : keys()) {
        Slot slot;
        slot.key = &key;
        slot.text = key.fallback;
        if (!key.fallback.empty()) slot.value = *parse_value(key, key.fallback);
        made.push_back(std::move(slot));
      }
      return made;
    }();
    return slots;
  }

  Slot& slot(std::string_view key) {
    return *std::ranges::find_if(slots_, [&](const Slot& s) { return s.key->name == key; });
  }

  /// Of two fields of one name only one would be sent.
  std::optional<Error> settle_names() {
    for (const Slot& one : slots_) {
      if (one.key->type != KeyType::text || one.level == 0) continue;
      for (const Slot& other : slots_)
        if (&one != &other && other.key->type == KeyType::text && same_name(one.text, other.text))
          return refuse("contradiction", one.where,
                        std::string(one.text) + " is what " + std::string(other.key->name) +
                            " is called (" + other.from + "); give each a name of its own");
    }
    return {};
  }

  std::optional<Error> settle_adaptive() {
    const Slot& adaptive = slot("limits.adaptive");
    const Slot& most = slot("limits.inflight");
    if (*adaptive.value == 0 || *most.value > 0) return {};
    return refuse("contradiction", adaptive.where,
                  value_text(*adaptive.key, *adaptive.value) +
                      " finds a limit below limits.inflight, which is 0, none (" + most.from +
                      "); set that, or leave this out");
  }

  /// A call that hangs counts when its attempt ends: a window that has gone by then sees only what
  /// is quick. Nobody's value gives way, as each was meant for something else.
  std::optional<Error> settle_window() {
    const Slot& window = slot("breaker.window");
    if (!window.value) return {};
    const Slot& set = slot("timeouts.attempt");
    const Slot& total = slot("timeouts.total");
    const std::int64_t attempt =
        set.value.value_or(std::min<std::int64_t>(Duration(10s).count(), *total.value));
    if (*window.value >= 2 * attempt) return {};
    const std::string by = set.value ? " (" + set.from + ")" : " where it is not set";
    const std::string both = text_of(window) + " is less than twice timeouts.attempt, which is " +
                             base::format_duration(Duration(attempt)) + by +
                             "; raise breaker.window or lower that";
    return refuse("contradiction", set.level > window.level ? set.where : window.where,
                  set.level > window.level ? "breaker.window = " + both : both);
  }

  void put(std::string_view key, std::string_view value, const Setting& text, int level) {
    Slot& target = slot(key);
    target.value = *parse_value(*target.key, value);
    target.text = value;
    target.level = level;
    target.from = text.origin;
    target.where = text.where;
  }

  void put_header(const Setting& text) {
    const std::string name = text.key.substr(8);
    std::erase_if(headers_, [&](const Header& header) { return same_name(header.name, name); });
    headers_.push_back({name, text.value, text.origin, text.secret});
  }

  std::vector<Slot> slots_;
  std::vector<Header> headers_;
  std::optional<Duration> total_max_;
  std::optional<int> attempts_max_;
};

Layer layer_from(const SettingTexts& texts, const std::string& from, const std::string& where) {
  Layer layer;
  for (const auto& [key, value] : texts) {
    std::string name = where;
    name += key;
    layer.push_back({key, value, from, std::move(name)});
  }
  return layer;
}

bool same_key(const std::string& a, const std::string& b) {
  return a.starts_with("headers.") ? same_name(a, b) : a == b;
}

}  // namespace

Layer layer_of(const PluginTables& tables) {
  const std::string from = "plugin " + tables.id + " " + tables.version;
  return layer_from(tables.policy, from, from + ": policy ");
}

Layer layer_of(const PluginTables& tables, const EndpointTable& endpoint) {
  const std::string from = "plugin " + tables.id + " " + tables.version;
  return layer_from(endpoint.policy, from,
                    from + ": endpoint " + endpoint.endpoint.name + ": policy ");
}

std::span<const Bound> bounds() noexcept { return rules; }

bool clampable(std::string_view key) noexcept {
  return key == "timeouts.total" || key == "retry.max_attempts";
}

std::vector<Error> check_layer(const Layer& layer, bool endpoint) {
  std::vector<Error> errors;
  for (auto text = layer.begin(); text != layer.end(); ++text) {
    if (auto error = check_text(*text, endpoint)) {
      errors.push_back(std::move(*error));
      continue;
    }
    const auto first = std::ranges::find_if(
        layer, [&](const Setting& other) { return same_key(other.key, text->key); });
    if (first != text)
      errors.push_back(refuse("duplicate_key", text->where,
                              "is given twice, first at " + first->origin + "; keep one"));
  }
  if (!errors.empty()) return errors;
  for (const Bound& rule : rules) {
    const auto low = std::ranges::find(layer, rule.low, &Setting::key);
    const auto high = std::ranges::find(layer, rule.high, &Setting::key);
    if (low == layer.end() || high == layer.end()) continue;
    const Slot small{find_key(rule.low), *parse_value(*find_key(rule.low), low->value), 1,
                     low->origin, low->where};
    const Slot large{find_key(rule.high), *parse_value(*find_key(rule.high), high->value), 1,
                     high->origin, high->where};
    if (*small.value > *large.value) errors.push_back(contradiction(small, large));
  }
  return errors;
}

namespace {

struct Level {
  const Layer* layer;
  bool endpoint, plugin;
};

/// Low to high, without the clamps.
std::array<Level, 7> levels_of(const Layers& layers) {
  return {{{layers.plugin, false, true},
           {layers.plugin_endpoint, true, true},
           {layers.defaults, false, false},
           {layers.service, false, false},
           {layers.endpoint, true, false},
           {layers.environment, false, false},
           {layers.environment_endpoint, true, false}}};
}

}  // namespace

std::vector<Error> contradictions(const Layers& layers) {
  Resolver resolver;
  int level = 0;
  for (const Level& one : levels_of(layers)) {
    ++level;
    if (one.layer) resolver.lay(*one.layer, level);
  }
  auto errors = resolver.settle();
  if (!errors.empty() || !layers.clamps) return errors;
  Layer clamps;
  std::ranges::copy_if(*layers.clamps, std::back_inserter(clamps),
                       [](const Setting& text) { return clampable(text.key); });
  resolver.clamp(clamps);
  return resolver.settle();
}

Result<Effective> resolve(const Layers& layers) {
  Resolver resolver;
  int level = 0;
  for (const auto& [layer, endpoint, plugin] : levels_of(layers)) {
    ++level;
    if (!layer) continue;
    auto errors = check_layer(*layer, endpoint);
    if (!errors.empty()) {
      if (plugin) errors.front().outcome = Outcome::plugin_rejected;
      return std::move(errors.front());
    }
    resolver.lay(*layer, level);
  }
  if (layers.clamps)
    if (auto errors = check_layer(*layers.clamps, false); !errors.empty())
      return std::move(errors.front());
  if (auto errors = resolver.settle(); !errors.empty()) return std::move(errors.front());
  if (layers.clamps) {
    for (const Setting& text : *layers.clamps)
      if (!clampable(text.key))
        return refuse("unknown_key", text.where,
                      "cannot be clamped; timeouts.total and retry.max_attempts can");
    resolver.clamp(*layers.clamps);
    if (auto errors = resolver.settle(); !errors.empty()) return std::move(errors.front());
  }
  return resolver.effective();
}

}  // namespace callerapi::catalogue
