#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "callerapi/abi/v1.h"
#include "callerapi/detail/border.hpp"
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
/// `std::string map_error(HookedResponse&)`, whose text becomes Response::plugin_error. Hooks run
/// on any thread, several at once; they may throw std::exception to fail the call; they must not
/// block and must not call the engine.
namespace callerapi {

/// The same plugin linked into a program: give it to Options::static_plugins.
template <class P>
inline constexpr capi_plugin static_plugin = detail::describe<P>();

/// What the contract declares, without its code, which need not be linked: give it to
/// Options::contracts, for services with `contract = "caller"`.
template <class P>
inline constexpr capi_plugin contract = detail::describe<P, false>();

}  // namespace callerapi

/// Exports the plugin, and its note. Once, in one source file of the library, at namespace scope.
#define CALLERAPI_PLUGIN(Type)                                                                   \
  extern "C"                                                                                     \
      __attribute__((visibility("default"))) constinit const capi_plugin callerapi_plugin_v0 =   \
          ::callerapi::detail::describe<Type>();                                                 \
  extern "C" __attribute__((section(CALLERAPI_NOTE_SECTION), used, aligned(4),                   \
                            visibility("hidden"))) constinit const capi_note callerapi_note_v0 = \
      ::callerapi::detail::note_of(Type::id, Type::version);
