#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "callerapi/body.hpp"
#include "callerapi/context.hpp"
#include "callerapi/deadline.hpp"
#include "callerapi/export.hpp"
#include "callerapi/headers.hpp"
#include "callerapi/multipart.hpp"

namespace callerapi {

/// Encodes any type described by CALLERAPI_JSON; lives in callerapi/json.hpp.
template <class T>
std::string to_json(const T& value, bool& finite);

/// One request, before it is bound to a service. Move-only, built in one expression:
///   Request{}.path("id", "42").query("limit", "10").timeout(2s)
/// Nothing is checked here; the call answers `invalid_argument` and names the field.
class CALLERAPI_API Request {
 public:
  /// Names and values in their order.
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  // The kinds of body, as they were given.
  struct NoBody {};
  struct Json {
    std::string text;
    bool finite = true;  ///< False: a number or time of it has no form in JSON; it is refused.
  };
  struct Form {
    Pairs fields;
  };
  using Payload = std::variant<NoBody, Json, Form, Multipart, Body>;

  /// Fills `{name}` of the endpoint's path, of nothing else. Percent-encoded as RFC 3986 requires.
  Request&& path(std::string name, std::string value) &&;
  /// Appends `name=value`; order and repetition are kept.
  Request&& query(std::string name, std::string value) &&;
  /// Goes to a URL that the service itself gave, in place of the endpoint's path and query: one of
  /// its own origin, or a path that begins with '/', sent as it is. Parameters are not asked for.
  /// Of endpoints only.
  Request&& at(std::string url) &&;
  /// Adds a header beside those of that name. Bad names, control bytes and those that the framing
  /// owns (docs/reference/headers.md) are refused by the call.
  Request&& header(std::string_view name, std::string_view value) &&;
  /// A body of application/json; `text` is sent as it is.
  Request&& json_text(std::string text) &&;
  /// A body of application/json made from a type described by CALLERAPI_JSON.
  template <class T>
  Request&& json(const T& value) && {
    bool finite = true;
    std::string text = to_json(value, finite);
    payload = Json{std::move(text), finite};
    return std::move(*this);
  }
  /// A body of application/x-www-form-urlencoded; call again for each field.
  Request&& form(std::string name, std::string value) &&;
  /// A body of multipart/form-data.
  Request&& multipart(Multipart parts) &&;
  /// A body of bytes, from memory, a file or a source.
  Request&& body(Body body) &&;
  /// Limit for the whole call, retries included; replaces timeouts.total. More than zero, else
  /// `invalid_argument`; clamps of the registry and a Context bound it.
  Request&& timeout(Duration total) &&;
  /// The whole call ends by then at the latest, whatever timeouts.total says.
  Request&& deadline(TimePoint deadline) &&;
  /// Made on behalf of an inbound request; replaces the ContextScope of the thread.
  Request&& context(const Context& context) &&;
  /// Sent as Idempotency-Key in place of the minted one, the same in each attempt.
  Request&& idempotency_key(std::string key) &&;
  /// Calls with the same key go to the same instance as long as it is there and sound, where
  /// balance.policy is ring_hash; elsewhere it means nothing. Not sent. Empty: none.
  Request&& hash_key(std::string_view key) &&;
  /// Body bytes of an answer below 400 go here instead of into Response::body. Shared with the call
  /// until it has ended; not null.
  Request&& into(std::shared_ptr<BodySink> sink) &&;
  /// Most attempts, the first included, 1 and more; replaces retry.max_attempts. 1: no retry.
  Request&& max_attempts(int attempts) &&;

  /// The same request without body, sink and idempotency key.
  Request without_body() const;
  /// Keep the record of this call also when it succeeds at once: Response::record.
  Request&& explain() &&;

  // What was given; read by the library.
  Pairs path_values, query_values;
  std::optional<std::string> url;
  Headers headers;
  Payload payload;
  std::optional<Duration> timeout_total;
  TimePoint deadline_at = no_deadline;
  std::string key;
  std::optional<std::uint64_t> hash;  ///< Of hash_key().
  std::shared_ptr<BodySink> sink;
  std::optional<int> attempts_max;
  bool wants_record = false;
  std::optional<Context> lent;  ///< By context(); unset: that of the ContextScope, if any.
};

}  // namespace callerapi
