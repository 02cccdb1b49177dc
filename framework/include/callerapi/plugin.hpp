#pragma once

#include <concepts>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "callerapi/abi/v1.h"
#include "callerapi/dsl/contract.hpp"
#include "callerapi/dsl/views.hpp"
#include "callerapi/version.hpp"

/// What a service's team writes against: the standard library only, header-only, every compiler.
///
///   struct Billing {
///     static constexpr std::string_view id = "billing", version = "2.3.1", owner = "team-money";
///     using api = callerapi::dsl::endpoints<...>;
///   };
///   CALLERAPI_PLUGIN(Billing)     // in one source file
///
/// Optional members, found by themselves: a constructor from HostView, and the hooks
/// `void sign(SignRequest&)`, `void on_request(SignRequest&)`, `void on_response(HookedResponse&)`,
/// `std::string map_error(HookedResponse&)`. Hooks run on any thread, several at once; they may
/// throw std::exception to fail the call; they must not block and must not call the engine.
namespace callerapi {

namespace detail {

/// A plugin's object beside the host it was made for.
template <class P>
struct Instance {
  const capi_host* host;
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
      auto made = std::make_unique<Instance<P>>();
      made->host = host;
      if constexpr (std::constructible_from<P, HostView>)
        made->plugin = std::make_unique<P>(HostView(host));
      else
        made->plugin = std::make_unique<P>();
      *self = made.release();
      return 0;
    });
  }
  static void destroy(void* self) noexcept { delete static_cast<Instance<P>*>(self); }
  static capi_status sign(void* self, capi_request* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      SignRequest request(of(self).host, r);
      if constexpr (signs) of(self).plugin->sign(request);
      return 0;
    });
  }
  static capi_status on_request(void* self, capi_request* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      SignRequest request(of(self).host, r);
      if constexpr (sees_request) of(self).plugin->on_request(request);
      return 0;
    });
  }
  static capi_status on_response(void* self, const capi_response* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      HookedResponse response(of(self).host, r);
      if constexpr (sees_response) of(self).plugin->on_response(response);
      return 0;
    });
  }
  static capi_status map_error(void* self, const capi_response* r, capi_error_out* out) noexcept {
    return guarded(out, [&] {
      HookedResponse response(of(self).host, r);
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

template <class P>
constexpr capi_plugin describe() {
  constexpr bool code = Border<P>::hooked;
  return {.size = sizeof(capi_plugin),
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
          .hooks = code ? &Border<P>::hooks : nullptr,
          .create = code ? &Border<P>::create : nullptr,
          .quiesce = nullptr,
          .destroy = code ? &Border<P>::destroy : nullptr};
}

}  // namespace detail

/// The same plugin linked into a program: give it to Options::static_plugins.
template <class P>
inline constexpr capi_plugin static_plugin = detail::describe<P>();

}  // namespace callerapi

/// Exports the plugin. Once, in one source file of the library, at namespace scope.
#define CALLERAPI_PLUGIN(Type)                                                                 \
  extern "C"                                                                                   \
      __attribute__((visibility("default"))) constinit const capi_plugin callerapi_plugin_v0 = \
          ::callerapi::detail::describe<Type>();
