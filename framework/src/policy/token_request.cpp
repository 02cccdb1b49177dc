#include "policy/token_request.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <variant>

#include "callerapi/json.hpp"
#include "wire/encode.hpp"
#include "wire/syntax.hpp"

namespace callerapi::policy {
namespace {

using std::chrono::seconds;

// A longer life is as good as none: the process does not live so long.
constexpr std::int64_t lifetime_seconds_max = 10LL * 365 * 24 * 3600;
// RFC 6749 5.2 knows no error code of more than 22.
constexpr std::size_t error_code_bytes_max = 64;

/// One text as a form holds it.
std::string form_encoded(const std::string& text) {
  return wire::encode_form({{"", text}}).substr(1);
}

Error no_token(const ClientCredentials& asks, const std::string& why) {
  return {.outcome = Outcome::auth_error,
          .reason = "token",
          .message = "no token from " + asks.service + " " + asks.path + ": " + why,
          .phase = Phase::queue};
}

/// A member's text; empty when there is none.
std::string_view text_of(const json::View& of, std::string_view name) {
  const json::View member = of.find(name);
  return member ? member.string().value_or("") : std::string_view();
}

/// The error code of a refusal, when it looks like one: nothing else of a peer is shown.
std::string error_code(const Response& answer) {
  const auto document = json::Document::parse(answer.body);
  const auto code = document ? text_of(document->root(), "error") : std::string_view();
  if (code.size() > error_code_bytes_max || !wire::is_token(code)) return {};
  return ", error " + std::string(code);
}

/// Seconds; some servers send them as a text. Nothing: none given.
Result<std::optional<Duration>> lifetime(const json::View& given) {
  if (!given) return std::optional<Duration>();
  std::int64_t count = 0;
  if (const auto number = given.integer()) {
    count = *number;
  } else if (const auto text = given.string()) {
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, count);
    if (error != std::errc() || stop != end) count = 0;
  }
  if (count <= 0)
    return Error{.outcome = Outcome::auth_error,
                 .message = "its expires_in is no whole number of seconds above 0"};
  return std::optional<Duration>(seconds(std::min(count, lifetime_seconds_max)));
}

}  // namespace

Request token_request(const ClientCredentials& asks) {
  Request request =
      Request{}
          .header("Authorization", "Basic " + wire::base64(form_encoded(asks.client_id) + ":" +
                                                           form_encoded(asks.client_secret)))
          .form("grant_type", "client_credentials");
  auto& fields = std::get<Request::Form>(request.payload).fields;
  if (!asks.scope.empty()) fields.emplace_back("scope", asks.scope);
  if (!asks.audience.empty()) fields.emplace_back("audience", asks.audience);
  return request;
}

Result<Grant> read_grant(const ClientCredentials& asks, const Result<Response>& answer) {
  if (!answer) return no_token(asks, answer.error().message);
  if (answer->status != 200)
    return no_token(asks, "it answered " + std::to_string(answer->status) + error_code(*answer) +
                              "; check client_id, client_secret and scope of [services.X.auth]");
  const auto document = json::Document::parse(answer->body);
  if (!document) return no_token(asks, "its answer is not JSON");
  const json::View root = document->root();
  const std::string_view token = text_of(root, "access_token");
  if (token.empty() || !wire::is_field_value(token))
    return no_token(asks, "its answer holds no access_token that can be sent");
  if (root.find("token_type") && !same_name(text_of(root, "token_type"), "Bearer"))
    return no_token(asks, "its token_type is not Bearer, the only one that is known here");
  auto life = lifetime(root.find("expires_in"));
  if (!life) return no_token(asks, life.error().message);
  return Grant{"Bearer " + std::string(token), *life};
}

}  // namespace callerapi::policy
