#pragma once

#include <tuple>

#include "callerapi/dsl/endpoint.hpp"

namespace callerapi::dsl {

template <Text Name, Text Path, class Out, class... O>
struct get : endpoint<Name, "GET", Path, none, Out, O...> {};
template <Text Name, Text Path, class... O>
struct head : endpoint<Name, "HEAD", Path, none, none, O...> {};
template <Text Name, Text Path, class In, class Out, class... O>
struct post : endpoint<Name, "POST", Path, In, Out, O...> {};
template <Text Name, Text Path, class In, class Out, class... O>
struct put : endpoint<Name, "PUT", Path, In, Out, O...> {};
template <Text Name, Text Path, class In, class Out, class... O>
struct patch : endpoint<Name, "PATCH", Path, In, Out, O...> {};
/// DELETE; with a body where `In` is not none.
template <Text Name, Text Path, class In, class Out, class... O>
struct del : endpoint<Name, "DELETE", Path, In, Out, O...> {};
/// Any other method: call<"find", "PROPFIND", "/x", none, bytes>.
template <Text Name, Text Method, Text Path, class In, class Out, class... O>
struct call : endpoint<Name, Method, Path, In, Out, O...> {};

/// The endpoints every service has: health (GET /health) and version (GET /version). An endpoint of
/// the same name replaces one.
struct common {
  using list = std::tuple<get<"health", "/health", bytes>, get<"version", "/version", bytes>>;
};

}  // namespace callerapi::dsl
