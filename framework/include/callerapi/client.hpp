#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "callerapi/caller.hpp"
#include "callerapi/detail/fill_request.hpp"
#include "callerapi/dsl/contract.hpp"
#include "callerapi/json.hpp"

namespace callerapi {

namespace detail {

/// Turns a complete response into an Error when its status is 400 or more.
CALLERAPI_API std::optional<Error> status_error(const Response& response);

/// What a declared response type is in C++: none is void, bytes is the raw Response.
template <class Out>
using result_of =
    std::conditional_t<std::is_same_v<Out, dsl::none>, void,
                       std::conditional_t<std::is_same_v<Out, dsl::bytes>, Response, Out>>;

template <class Out>
Result<result_of<Out>> decode_response(Result<Response> response) {
  if (!response) return std::move(response).error();
  if (auto refused = status_error(*response)) return std::move(*refused);
  if constexpr (std::is_same_v<Out, dsl::none>) {
    return {};
  } else if constexpr (std::is_same_v<Out, dsl::bytes>) {
    return std::move(*response);
  } else {
    auto value = from_json<Out>(response->body);
    if (!value) {
      value.error().status = response->status;
      value.error().sent = Sent::yes;
      value.error().attempts = response->attempts;
      value.error().time = response->time;
      value.error().record = std::move(response->record);
    }
    return value;
  }
}

/// The same, and what is wrong with the answer says whose it was.
template <class Contract, class E>
Result<result_of<typename E::out>> decode_answer(Result<Response> response) {
  const bool answered = response.has_value();
  auto decoded = decode_response<typename E::out>(std::move(response));
  if (answered && !decoded)
    decoded.error().message.insert(0,
                                   std::string(Contract::id) + "." + std::string(E::name) + ": ");
  return decoded;
}

}  // namespace detail

/// One service through its contract: a typo is a compile error, a contract that no longer fits the
/// loaded plugin is `contract_mismatch`. A status of 400 and more is an Error here. Cheap to copy;
/// thread-safe; must not outlive the Caller. Arguments of a call: the required parameters in the
/// order of their declaration, then the body (the declared type; Multipart, Body for bytes,
/// Request::Pairs for a form), and anywhere with<"name">(value) and a Request for limits and
/// headers.
template <class Contract>
class Client {
 public:
  /// `service`: where the registry has another name for it than the contract's id. Not checked
  /// before the first call.
  explicit Client(Caller& caller, std::string service = std::string(Contract::id))
      : caller_(&caller), service_(std::move(service)) {}

  /// What the contract declares under that name.
  template <dsl::Text Name>
  using endpoint = typename dsl::by_name<Contract, Name>::type;

  /// Blocks for the answer: a Result of the declared response type (none: Result<void>, bytes:
  /// Result<Response>). Errors: those of Caller::call; `contract_mismatch`; `http_status` for 400
  /// and more, with Error::detail; `decode_error` for a body that does not fit the type.
  template <dsl::Text Name, class... Args>
  auto call(Args&&... args) {
    using E = endpoint<Name>;
    return detail::decode_answer<Contract, E>(
        caller_->call_typed(service_, E::row, build<E>(std::forward<Args>(args)...)));
  }

  /// The same without blocking.
  template <dsl::Text Name, class... Args>
  auto start(Args&&... args) {
    using E = endpoint<Name>;
    using T = detail::result_of<typename E::out>;
    return std::move(caller_->start_typed(service_, E::row, build<E>(std::forward<Args>(args)...)))
        .template as<T>(&detail::decode_answer<Contract, E>);
  }

  /// Blocks for the head; the body is read as it comes, whatever type the contract declares for it.
  /// Errors: those of call() but `decode_error`, and of Caller::open_stream.
  template <dsl::Text Name, class... Args>
  Result<BodyStream> stream(Args&&... args) {
    return start_stream<Name>(std::forward<Args>(args)...).get();
  }
  /// The same without blocking.
  template <dsl::Text Name, class... Args>
  Call<BodyStream> start_stream(Args&&... args) {
    using E = endpoint<Name>;
    return caller_->start_stream_typed(service_, E::row, build<E>(std::forward<Args>(args)...));
  }

 private:
  template <class E, class... Args>
  static Request build(Args&&... args) {
    return detail::Filler<E, Args...>::fill(std::forward<Args>(args)...);
  }
  Caller* caller_;
  std::string service_;
};

}  // namespace callerapi
