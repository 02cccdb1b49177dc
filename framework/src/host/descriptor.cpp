#include "host/descriptor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <utility>

#include "base/limits.hpp"
#include "callerapi/version.hpp"
#include "host/faults.hpp"
#include "wire/syntax.hpp"
#include "wire/uri_template.hpp"

namespace callerapi::host {
namespace {

namespace limits = base::limits;

// Rows of the first header ever shipped; no plugin was built against less.
constexpr std::uint32_t plugin_size_min = offsetof(capi_plugin, destroy) + sizeof(void*);
constexpr std::uint32_t endpoint_stride_min =
    offsetof(capi_endpoint, schema_hash) + sizeof(std::uint64_t);
constexpr std::uint32_t stride_max = 4096;

/// Reads a struct at the plugin's own size: bytes it lacks stay zero.
template <class T>
T read_row(const void* rows, std::uint32_t stride, std::uint32_t index) noexcept {
  T row{};
  const auto* from = static_cast<const std::byte*>(rows) + std::size_t{stride} * index;
  std::memcpy(static_cast<void*>(&row), from, std::min<std::size_t>(stride, sizeof row));
  return row;
}

class Copier {
 public:
  explicit Copier(const std::string& file) : file_(file) {}

  Error bad(PluginFault fault, const std::string& text) const {
    return rejected(file_, fault, text);
  }

  Result<std::string> text(capi_str from, std::string_view what) const {
    if (from.len > limits::plugin_text_bytes_max || (from.ptr == nullptr && from.len > 0))
      return bad(PluginFault::descriptor_text,
                 std::string(what) + " is " + std::to_string(from.len) + " bytes long, at most " +
                     std::to_string(limits::plugin_text_bytes_max) + " allowed");
    std::string copy(from.ptr == nullptr ? "" : from.ptr, from.len);
    if (!wire::is_field_value(copy))
      return bad(PluginFault::descriptor_text, std::string(what) + " holds a control byte");
    return copy;
  }

  Result<void> table(std::string_view what, const void* rows, std::uint32_t count, std::size_t max,
                     std::uint32_t stride, std::uint32_t stride_min) const {
    if (count == 0) return {};
    if (rows == nullptr || count > max || stride < stride_min || stride > stride_max)
      return bad(PluginFault::descriptor_table, std::string(what) + ": " + std::to_string(count) +
                                                    " rows of " + std::to_string(stride) +
                                                    " bytes; at most " + std::to_string(max) +
                                                    " rows of " + std::to_string(stride_min) +
                                                    " to " + std::to_string(stride_max));
    return {};
  }

  Result<catalogue::SettingTexts> settings(const capi_setting* rows, std::uint32_t count,
                                           std::uint32_t stride) const {
    if (auto sound =
            table("policy", rows, count, limits::settings_max, stride, sizeof(capi_setting));
        !sound)
      return std::move(sound).error();
    catalogue::SettingTexts out;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto row = read_row<capi_setting>(rows, stride, i);
      auto key = text(row.key, "a policy key");
      auto value = text(row.value, "a policy value");
      if (!key) return std::move(key).error();
      if (!value) return std::move(value).error();
      out.emplace_back(std::move(*key), std::move(*value));
    }
    return out;
  }

  Result<policy::Param> param(const capi_endpoint& from, std::uint32_t index,
                              const std::string& where) const {
    const auto row = read_row<capi_param>(from.params, from.param_stride, index);
    auto name = text(row.name, where + " parameter name");
    if (!name) return std::move(name).error();
    if (name->empty() || row.place < CAPI_PATH || row.place > CAPI_LOCATION ||
        row.type < CAPI_TEXT || row.type > CAPI_BOOLEAN)
      return bad(PluginFault::descriptor_parameter,
                 where + " parameter '" + *name +
                     "' has a place or type this host does not know; update the host");
    return policy::Param{std::move(*name), static_cast<policy::Place>(row.place),
                         static_cast<policy::ParamType>(row.type), row.required != 0};
  }

  Result<void> check_template(const policy::Endpoint& endpoint, const std::string& where) const;
  Result<catalogue::EndpointTable> endpoint(const capi_plugin& plugin, std::uint32_t index) const;

 private:
  const std::string& file_;
};

Result<void> Copier::check_template(const policy::Endpoint& endpoint,
                                    const std::string& where) const {
  const auto location =
      std::ranges::find(endpoint.params, policy::Place::location, &policy::Param::place);
  if (location != endpoint.params.end()) {
    if (endpoint.path != "{" + location->name + "}" || !location->required)
      return bad(PluginFault::descriptor_bad_template,
                 where + " has the location '" + location->name + "', so its path is '{" +
                     location->name + "}' alone, and it is required");
  } else if (!endpoint.path.starts_with('/')) {
    return bad(PluginFault::descriptor_bad_template, where + " needs a path that starts with '/'");
  }
  const auto compiled = wire::UriTemplate::compile(endpoint.path);
  if (!compiled)
    return bad(PluginFault::descriptor_bad_template, where + " " + compiled.error().message);
  const auto in_path = [](policy::Place place) {
    return place == policy::Place::path || place == policy::Place::location;
  };
  for (const std::string& hole : compiled->names())
    if (std::ranges::none_of(endpoint.params, [&](const auto& p) { return p.name == hole; }))
      return bad(PluginFault::descriptor_bad_template,
                 where + " has no parameter for '{" + hole + "}' of its path");
  for (const policy::Param& p : endpoint.params)
    if (in_path(p.place) && std::ranges::find(compiled->names(), p.name) == compiled->names().end())
      return bad(PluginFault::descriptor_bad_template,
                 where + " has no '{" + p.name + "}' in its path for the parameter of that name");
  return {};
}

Result<catalogue::EndpointTable> Copier::endpoint(const capi_plugin& plugin,
                                                  std::uint32_t index) const {
  const auto row = read_row<capi_endpoint>(plugin.endpoints, plugin.endpoint_stride, index);
  const std::string number = "endpoint #" + std::to_string(index);
  catalogue::EndpointTable out;
  auto name = text(row.name, number + " name");
  auto method = text(row.method, number + " method");
  auto path = text(row.path, number + " path");
  if (!name) return std::move(name).error();
  if (!method) return std::move(method).error();
  if (!path) return std::move(path).error();
  if (name->empty() || !wire::is_token(*name))
    return bad(PluginFault::descriptor_name, number + " has no usable name");
  const std::string where = number + " '" + *name + "'";
  if (!wire::is_token(*method))
    return bad(
        PluginFault::descriptor_method,
        where + " has the method '" + wire::printable(*method) + "', which is no HTTP token");
  if (row.request_body < CAPI_BODY_NONE || row.request_body > CAPI_BODY_BYTES ||
      row.response_body < CAPI_BODY_NONE || row.response_body > CAPI_BODY_BYTES ||
      row.idempotency > CAPI_IDEMPOTENCY_KEY)
    return bad(PluginFault::descriptor_enum,
               where + " uses a body kind or idempotency this host does not know; update the host");
  if (auto sound = table(where + " parameters", row.params, row.n_params, limits::params_max,
                         row.param_stride, sizeof(capi_param));
      !sound)
    return std::move(sound).error();
  out.endpoint = {.name = std::move(*name),
                  .method = std::move(*method),
                  .path = std::move(*path),
                  .params = {},
                  .request_body = static_cast<policy::BodyKind>(row.request_body),
                  .response_body = static_cast<policy::BodyKind>(row.response_body),
                  .idempotency = static_cast<policy::Idempotency>(row.idempotency),
                  .schema_hash = row.schema_hash};
  for (std::uint32_t i = 0; i < row.n_params; ++i) {
    auto one = param(row, i, where);
    if (!one) return std::move(one).error();
    out.endpoint.params.push_back(std::move(*one));
  }
  if (auto sound = check_template(out.endpoint, where); !sound) return std::move(sound).error();
  auto policy = settings(row.policy, row.n_policy, row.policy_stride);
  if (!policy) return std::move(policy).error();
  out.policy = std::move(*policy);
  return out;
}

Result<void> check_abi(const std::string& file, const capi_plugin& plugin) {
  if (auto speaks = check_versions(file, plugin.abi_major, plugin.min_host_version); !speaks)
    return speaks;
  if (plugin.size < plugin_size_min)
    return rejected(file, PluginFault::abi_bad_size,
                    "its descriptor is " + std::to_string(plugin.size) +
                        " bytes, expected at least " + std::to_string(plugin_size_min));
  if (plugin.features_required != 0)
    return rejected(file, PluginFault::abi_feature_missing,
                    "requires features this host does not know; update the host");
  return {};
}

/// FNV-1a over texts and numbers, each with its length.
class Fingerprint {
 public:
  void text(std::string_view text) {
    number(text.size());
    for (const char c : text) byte(static_cast<unsigned char>(c));
  }
  void number(std::uint64_t n) {
    for (int i = 0; i < 8; ++i, n >>= 8) byte(n & 0xff);
  }
  void settings(const catalogue::SettingTexts& settings) {
    number(settings.size());
    for (const auto& [key, value] : settings) {
      text(key);
      text(value);
    }
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  void byte(std::uint64_t b) noexcept { value_ = (value_ ^ b) * 0x100000001b3ull; }
  std::uint64_t value_ = 0xcbf29ce484222325ull;
};

}  // namespace

Result<void> check_versions(const std::string& file, std::uint16_t abi_major,
                            std::uint64_t min_host_version) {
  if (abi_major != CALLERAPI_ABI_MAJOR)
    return rejected(file, PluginFault::abi_major_mismatch,
                    "built for ABI " + std::to_string(abi_major) + ", this host speaks " +
                        std::to_string(CALLERAPI_ABI_MAJOR) + "; rebuild the plugin");
  if (min_host_version > version_packed)
    return rejected(file, PluginFault::abi_host_too_old,
                    "needs host version " + std::to_string(min_host_version) + ", this is " +
                        std::to_string(version_packed));
  return {};
}

std::uint64_t fingerprint(const catalogue::PluginTables& tables) {
  Fingerprint print;
  for (const std::string* text : {&tables.id, &tables.version, &tables.owner}) print.text(*text);
  print.settings(tables.policy);
  for (const catalogue::EndpointTable& table : tables.endpoints) {
    const policy::Endpoint& e = table.endpoint;
    for (const std::string* text : {&e.name, &e.method, &e.path}) print.text(*text);
    for (const auto kind :
         {static_cast<std::uint64_t>(e.request_body), static_cast<std::uint64_t>(e.response_body),
          static_cast<std::uint64_t>(e.idempotency), e.schema_hash})
      print.number(kind);
    for (const policy::Param& p : e.params) {
      print.text(p.name);
      print.number(static_cast<std::uint64_t>(p.place) << 16 |
                   static_cast<std::uint64_t>(p.type) << 8 | (p.required ? 1u : 0u));
    }
    print.settings(table.policy);
  }
  return print.value();
}

Result<catalogue::PluginTables> copy_tables(const capi_plugin& given, const std::string& file) {
  const Copier copy(file);
  const auto plugin =
      read_row<capi_plugin>(&given, std::min<std::uint32_t>(given.size, sizeof(capi_plugin)), 0);
  if (auto sound = check_abi(file, plugin); !sound) return std::move(sound).error();
  if (auto sound = copy.table("endpoints", plugin.endpoints, plugin.n_endpoints,
                              limits::endpoints_max, plugin.endpoint_stride, endpoint_stride_min);
      !sound)
    return std::move(sound).error();
  auto id = copy.text(plugin.id, "the id");
  auto version = copy.text(plugin.version, "the version");
  auto owner = copy.text(plugin.owner, "the owner");
  auto policy = copy.settings(plugin.policy, plugin.n_policy, plugin.policy_stride);
  if (!id) return std::move(id).error();
  if (!version) return std::move(version).error();
  if (!owner) return std::move(owner).error();
  if (!policy) return std::move(policy).error();
  if (id->empty()) return copy.bad(PluginFault::descriptor_id, "has no id");
  catalogue::PluginTables tables{
      std::move(*id), std::move(*version), std::move(*owner), std::move(*policy), {}};
  std::set<std::string> names, routes;
  for (std::uint32_t i = 0; i < plugin.n_endpoints; ++i) {
    auto one = copy.endpoint(plugin, i);
    if (!one) return std::move(one).error();
    const policy::Endpoint& e = one->endpoint;
    if (!names.insert(e.name).second)
      return copy.bad(PluginFault::descriptor_duplicate_endpoint,
                      "two endpoints are named '" + e.name + "'");
    if (!routes.insert(e.method + " " + e.path + " " + std::string(policy::name(e.request_body)))
             .second)
      return copy.bad(
          PluginFault::descriptor_duplicate_endpoint,
          "two endpoints are " + e.method + " " + e.path + " with the same kind of body");
    tables.endpoints.push_back(std::move(*one));
  }
  return tables;
}

capi_hooks copy_hooks(const capi_hooks* hooks) noexcept {
  if (hooks == nullptr) return {};
  return read_row<capi_hooks>(hooks, std::min<std::uint32_t>(hooks->size, sizeof(capi_hooks)), 0);
}

}  // namespace callerapi::host
