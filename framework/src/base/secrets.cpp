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

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// A name of the query as the service reads it: what is percent-encoded is the same name.
std::string decoded(std::string_view name) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const int high = name[i] == '%' && i + 2 < name.size() ? hex_digit(name[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(name[i + 2]) : -1;
    plain += low >= 0 ? static_cast<char>(high * 16 + low) : name[i];
    if (low >= 0) i += 2;
  }
  return plain;
}

/// Takes user and password off the front of a URL; what stands in their place goes to `shown`.
void hide_userinfo(std::string_view& target, std::string& shown) {
  const auto scheme = target.find("//");
  if (scheme == std::string_view::npos || target.find_first_of("/?#") < scheme) return;
  const auto authority = target.substr(
      scheme + 2, target.find_first_of("/?#", scheme + 2) - std::min(scheme + 2, target.size()));
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) return;
  shown.append(target.substr(0, scheme + 2)).append("(hidden)");
  target.remove_prefix(scheme + 2 + at);
}

}  // namespace

bool is_secret_header(std::string_view name) noexcept { return listed(secret_headers, name); }

std::string without_secrets(std::string_view target) {
  std::string shown;
  hide_userinfo(target, shown);
  const auto question = std::min(target.find('?'), target.size());
  shown += target.substr(0, question);
  for (auto rest = target.substr(question); !rest.empty();) {
    // One piece is its separator, name and value.
    const auto end = std::min(rest.find('&', 1), rest.size());
    const auto piece = rest.substr(0, end);
    const auto equals = std::min(piece.find('='), piece.size());
    const bool hide = listed(secret_queries, decoded(piece.substr(1, equals - 1)));
    shown += hide ? piece.substr(0, equals) : piece;
    if (hide) shown += "=(hidden)";
    rest.remove_prefix(end);
  }
  return shown;
}

}  // namespace callerapi
