#include <algorithm>

#include "callerapi/explain.hpp"
#include "callerapi/headers.hpp"

namespace callerapi {
namespace {

constexpr std::string_view secret_headers[] = {
    "Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization", "Idempotency-Key", "X-Api-Key"};
constexpr std::string_view secret_queries[] = {
    "X-Amz-Signature",  "X-Amz-Credential", "X-Amz-Security-Token",
    "AWSAccessKeyId",   "Signature",        "sig",
    "X-Goog-Signature", "api_key",          "access_token"};

template <std::size_t N>
bool listed(const std::string_view (&list)[N], std::string_view name) noexcept {
  return std::ranges::any_of(list, [&](std::string_view one) { return same_name(one, name); });
}

}  // namespace

bool is_secret_header(std::string_view name) noexcept { return listed(secret_headers, name); }

std::string without_secrets(std::string_view target) {
  const auto question = std::min(target.find('?'), target.size());
  std::string shown(target.substr(0, question));
  for (auto rest = target.substr(question); !rest.empty();) {
    // One piece is its separator, name and value.
    const auto end = std::min(rest.find('&', 1), rest.size());
    const auto piece = rest.substr(0, end);
    const auto equals = std::min(piece.find('='), piece.size());
    const bool hide = listed(secret_queries, piece.substr(1, equals - 1));
    shown += hide ? piece.substr(0, equals) : piece;
    if (hide) shown += "=(hidden)";
    rest.remove_prefix(end);
  }
  return shown;
}

}  // namespace callerapi
