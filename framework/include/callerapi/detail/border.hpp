#pragma once

#include <concepts>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "callerapi/abi/v1.h"
#include "callerapi/dsl/parts.hpp"
#include "callerapi/dsl/views.hpp"
#include "callerapi/version.hpp"

/// How a plugin's object of C++ stands behind the C interface, callerapi/abi/v1.h.
namespace callerapi {
namespace detail {

/// A plugin's object beside what the host offers: as much as host and plugin both know of. What an
/// older host lacks is null.
template <class P>
struct Instance {
  explicit Instance(const capi_host* from) noexcept {
    std::memcpy(&host, from, from->size < sizeof host ? from->size : sizeof host);
  }
  capi_host host{};
  std::unique_ptr<P> plugin;
};

inline capi_status fail(capi_error_out* out, std::string_view text) noexcept {
  const std::size_t size = text.size() < sizeof out->msg ? text.size() : sizeof out->msg - 1;
  std::memcpy(out->msg, text.data(), size);
  out->msg[size] = '\0';
  return -1;
}

/// Nothing may throw across the border: every entry runs inside this.
template <class F>
capi_status guarded(capi_error_out* out, F&& f) noexcept {
  try {
    return f();
  } catch (const std::exception& e) {
    return fail(out, e.what());
  } catch (...) {
    return fail(out, "an exception that is no std::exception");
  }
}

template <class P>
struct Border {
  static constexpr bool signs = requires(P & p, SignRequest& r) { p.sign(r); };
  static constexpr bool sees_request = requires(P & p, SignRequest& r) { p.on_request(r); };
  static constexpr bool sees_response = requires(P & p, HookedResponse& r) { p.on_response(r); };
  static constexpr bool maps = requires(P & p, HookedResponse& r) {
    { p.map_error(r) } -> std::convertible_to<std::string>;
  };
  static constexpr bool hooked = signs || sees_request || sees_response || maps;

  static Instance<P>& of(void* self) { return *static_cast<Instance<P>*>(self); }

  static capi_status create(const capi_host* host, void** self, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      auto made = std::make_unique<Instance<P>>(host);
      if constexpr (std::constructible_from<P, HostView>)
        made->plugin = std::make_unique<P>(HostView(&made->host));
      else
        made->plugin = std::make_unique<P>();
      *self = made.release();
      return 0;
    });
  }
  static void destroy(void* self) noexcept { delete static_cast<Instance<P>*>(self); }
  static capi_status sign(void* self, capi_request* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      SignRequest request(&of(self).host, r);
      if constexpr (signs) of(self).plugin->sign(request);
      return 0;
    });
  }
  static capi_status on_request(void* self, capi_request* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      SignRequest request(&of(self).host, r);
      if constexpr (sees_request) of(self).plugin->on_request(request);
      return 0;
    });
  }
  static capi_status on_response(void* self, const capi_response* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      HookedResponse response(&of(self).host, r);
      if constexpr (sees_response) of(self).plugin->on_response(response);
      return 0;
    });
  }
  static capi_status map_error(void* self, const capi_response* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      HookedResponse response(&of(self).host, r);
      std::string text;
      if constexpr (maps) text = of(self).plugin->map_error(response);
      return text.empty() ? 0 : fail(out, text);
    });
  }

  static constexpr capi_hooks hooks{sizeof(capi_hooks),
                                    0,
                                    signs ? &sign : nullptr,
                                    sees_request ? &on_request : nullptr,
                                    sees_response ? &on_response : nullptr,
                                    maps ? &map_error : nullptr};
};

/// The descriptor of a plugin; without its code where only its declarations are meant: then nothing
/// of the code need be linked.
template <class P, bool with_code = true>
constexpr capi_plugin describe() {
  capi_plugin described{.size = sizeof(capi_plugin),
                        .abi_major = CALLERAPI_ABI_MAJOR,
                        .abi_minor = CALLERAPI_ABI_MINOR,
                        .min_host_version = version_packed,
                        .features_required = 0,
                        .id = dsl::str(P::id),
                        .version = dsl::str(P::version),
                        .owner = dsl::str(P::owner),
                        .endpoints = P::api::rows.data(),
                        .n_endpoints = P::api::count,
                        .endpoint_stride = sizeof(capi_endpoint),
                        .policy = nullptr,
                        .n_policy = 0,
                        .policy_stride = sizeof(capi_setting),
                        .hooks = nullptr,
                        .create = nullptr,
                        .quiesce = nullptr,
                        .destroy = nullptr};
  if constexpr (with_code && Border<P>::hooked) {
    described.hooks = &Border<P>::hooks;
    described.create = &Border<P>::create;
    described.destroy = &Border<P>::destroy;
  }
  return described;
}

/// The descriptor's words once more, where a host can read them without loading the library.
consteval capi_note note_of(std::string_view id, std::string_view version) {
  capi_note note{.name_size = 10,
                 .desc_size = 128,
                 .type = 1,
                 .name = "CallerAPI",
                 .size = 128,
                 .abi_major = CALLERAPI_ABI_MAJOR,
                 .abi_minor = CALLERAPI_ABI_MINOR,
                 .min_host_version = {static_cast<std::uint32_t>(version_packed),
                                      static_cast<std::uint32_t>(version_packed >> 32)},
                 .id = {},
                 .version = {},
                 .compiler = {}};
  const auto fill = [](auto& to, std::string_view from) {
    if (from.size() >= sizeof to)
      throw "callerapi: an id has at most 63 bytes, a version at most 23";
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
  };
  fill(note.id, id);
  fill(note.version, version);
#ifdef __clang__
  constexpr std::string_view compiler = "clang " __clang_version__;
#else
  constexpr std::string_view compiler = "g++ " __VERSION__;
#endif
  fill(note.compiler, compiler.substr(0, sizeof note.compiler - 1));
  return note;
}

}  // namespace detail
}  // namespace callerapi
