#include "trial.hpp"

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "callerapi/json.hpp"
#include "callerapi/version.hpp"
#include "host/descriptor.hpp"

namespace callerapi::probe {

using host::PluginFault;

std::string refusal(const std::string& reason, const std::string& message) {
  json::Writer out;
  out.begin_object().member("reason", reason).member("message", message).end_object();
  return out.take();
}
std::string refusal(PluginFault fault, const std::string& detail, const std::string& message) {
  return refusal(std::string(name(fault)) + (detail.empty() ? "" : ":" + detail), message);
}

namespace {

// The host of the trial: no configuration, no extensions, no requests. A create() that fails for
// want of its configuration is sound.
capi_status no_config(void*, capi_str, capi_str*) noexcept { return -1; }
const void* no_extension(void*, const char*) noexcept { return nullptr; }
void no_log(void*, std::int32_t, capi_str) noexcept {}
capi_status no_header(const capi_request*, capi_str, capi_str*) noexcept { return -1; }
capi_status no_header_at(const capi_request*, std::uint64_t, capi_str*, capi_str*) noexcept {
  return -1;
}
capi_status no_set(capi_request*, capi_str, capi_str) noexcept { return -1; }
capi_status no_info(const capi_request*, std::uint32_t, capi_str*) noexcept { return -1; }
capi_status no_body(const capi_request*, capi_str*) noexcept { return -1; }
std::int32_t no_status(const capi_response*) noexcept { return 0; }
capi_status no_field(const capi_response*, capi_str, capi_str*) noexcept { return -1; }
capi_status no_content(const capi_response*, capi_str*) noexcept { return -1; }

constexpr capi_host mock = {.size = sizeof(capi_host),
                            .abi_major = CALLERAPI_ABI_MAJOR,
                            .abi_minor = CALLERAPI_ABI_MINOR,
                            .host_version = version_packed,
                            .ctx = nullptr,
                            .get_extension = &no_extension,
                            .config_get = &no_config,
                            .log = &no_log,
                            .request_header = &no_header,
                            .request_set_header = &no_set,
                            .request_info = &no_info,
                            .request_body = &no_body,
                            .response_status = &no_status,
                            .response_header = &no_field,
                            .response_body = &no_content,
                            .request_header_at = &no_header_at};

std::string create_and_destroy(const capi_plugin& plugin) {
  if (plugin.create == nullptr) return {};
  void* self = nullptr;
  capi_error_out out{};
  out.size = sizeof out;
  try {
    if (plugin.create(&mock, &self, &out) >= 0 && plugin.destroy != nullptr) plugin.destroy(self);
  } catch (...) {
    return refusal(PluginFault::probe_refused, std::string(name(PluginFault::create_failed)),
                   "create() threw an exception across the border; catch it inside");
  }
  return {};
}

void write_hooks(json::Writer& out, const capi_hooks& hooks) {
  out.key("hooks").begin_array();
  if (hooks.on_request != nullptr) out.value("on_request");
  if (hooks.sign != nullptr) out.value("sign");
  if (hooks.on_response != nullptr) out.value("on_response");
  if (hooks.map_error != nullptr) out.value("map_error");
  out.end_array();
}

/// The enums go as numbers of the ABI: host/describe.cpp reads them back.
void write_tables(json::Writer& out, const catalogue::PluginTables& tables,
                  const capi_hooks& hooks) {
  out.member("id", tables.id).member("version", tables.version).member("owner", tables.owner);
  write_hooks(out, hooks);
  out.key("endpoints").begin_array();
  for (const catalogue::EndpointTable& table : tables.endpoints) {
    const policy::Endpoint& e = table.endpoint;
    out.begin_object()
        .member("name", e.name)
        .member("method", e.method)
        .member("path", e.path)
        .member("request_body", static_cast<int>(e.request_body))
        .member("response_body", static_cast<int>(e.response_body))
        .member("idempotency", static_cast<int>(e.idempotency))
        .key("params")
        .begin_array();
    for (const policy::Param& p : e.params)
      out.begin_object()
          .member("name", p.name)
          .member("place", static_cast<int>(p.place))
          .member("type", static_cast<int>(p.type))
          .member("required", p.required)
          .end_object();
    out.end_array().end_object();
  }
  out.end_array();
}

}  // namespace

Mapped map_plugin(int fd) {
  Mapped mapped;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  mapped.handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (mapped.handle == nullptr) {
    mapped.why = std::string("the loader refused it: ") + ::dlerror();
    return mapped;
  }
  mapped.plugin = static_cast<const capi_plugin*>(::dlsym(mapped.handle, CALLERAPI_PLUGIN_SYMBOL));
  if (mapped.plugin == nullptr) {
    mapped.fault = PluginFault::format_entry_missing;
    mapped.why = "does not export '" CALLERAPI_PLUGIN_SYMBOL "'";
  }
  return mapped;
}

std::string trial(bool whole) {
  const Mapped mapped = map_plugin(plugin_fd);
  if (!mapped.why.empty())
    return refusal(PluginFault::probe_refused, std::string(name(mapped.fault)), mapped.why);
  const auto tables = host::copy_tables(*mapped.plugin, "");
  if (!tables)  // "file: what is wrong", with an empty file
    return refusal(PluginFault::probe_refused, tables.error().reason,
                   tables.error().message.substr(2));
  const capi_hooks hooks = host::copy_hooks(mapped.plugin->hooks);
  std::string fault = create_and_destroy(*mapped.plugin);
  if (!fault.empty()) return fault;
  ::dlclose(mapped.handle);  // its destructors are part of the trial
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(host::fingerprint(*tables)));
  json::Writer out;
  out.begin_object().member("fingerprint", digits.data());
  if (whole) write_tables(out, *tables, hooks);
  out.end_object();
  return out.take();
}

}  // namespace callerapi::probe
