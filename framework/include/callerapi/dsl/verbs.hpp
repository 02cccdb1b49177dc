#pragma once

#include <tuple>

#include "callerapi/dsl/endpoint.hpp"

namespace callerapi::dsl {

// Name: of the endpoint, `get_invoice`. Path: a template of RFC 6570, level 3, beginning with '/'.
// In and Out: a type with CALLERAPI_JSON, or none, form (In alone), multipart (In alone), bytes. O:
// the options of parts.hpp. What is wrong does not compile, with a text that begins with
// "callerapi:".

/// GET without a body.
template <Text Name, Text Path, class Out, class... O>
struct get : endpoint<Name, "GET", Path, none, Out, O...> {};
/// HEAD; its answer has no body.
template <Text Name, Text Path, class... O>
struct head : endpoint<Name, "HEAD", Path, none, none, O...> {};
/// POST; not sent twice unless it is `idempotent` or has an `idempotency_key`.
template <Text Name, Text Path, class In, class Out, class... O>
struct post : endpoint<Name, "POST", Path, In, Out, O...> {};
/// PUT; may be sent twice unless it is `not_idempotent`.
template <Text Name, Text Path, class In, class Out, class... O>
struct put : endpoint<Name, "PUT", Path, In, Out, O...> {};
/// PATCH; as POST.
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
