#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace callerapi::policy {

/// What the engine's own fields are called in the requests to one service and in its answers
/// (semantics S15). Those that a standard names, such as traceparent, have no other name.
struct HeaderNames {
  std::string timeout = "Caller-Timeout-Ms";
  std::string previous_attempts = "Caller-Previous-Attempts";
  std::string attempts_left = "Caller-Attempts-Left";
  std::string call_id = "Caller-Call-Id";
  std::string caller = "Caller-Name";
  std::string request_id = "X-Request-Id";
  std::string idempotency_key = "Idempotency-Key";
  std::string retry_after = "Caller-Retry-After-Ms";  ///< Read, as the next one.
  std::string deadline_expired = "Caller-Deadline-Expired";

  bool operator==(const HeaderNames&) const = default;

  static const HeaderNames& built_in() noexcept;
};

/// The names of one service: the built-in ones, which cost nothing to copy, or names of its own,
/// which all copies share. A value.
class ServiceHeaderNames {
 public:
  const HeaderNames& operator*() const noexcept { return own_ ? *own_ : HeaderNames::built_in(); }
  const HeaderNames* operator->() const noexcept { return &**this; }
  void set(std::string HeaderNames::*field, std::string_view name);

  bool operator==(const ServiceHeaderNames& other) const noexcept {
    return own_ == other.own_ || **this == *other;
  }

 private:
  std::shared_ptr<const HeaderNames> own_;
};

}  // namespace callerapi::policy
