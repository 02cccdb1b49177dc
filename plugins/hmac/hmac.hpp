#pragma once

#include <callerapi/plugin.hpp>
#include <string>

namespace hmac {

/// Any service that shares a secret with its callers: it declares nothing but the common endpoints
/// and signs every request. Any number of services may use it.
class Hmac {
 public:
  static constexpr std::string_view id = "hmac", version = "1.0.0", owner = "callerapi";
  using api = callerapi::dsl::endpoints<callerapi::dsl::common>;

  /// Throws when config.key_id or config.secret is missing.
  explicit Hmac(callerapi::HostView host);
  void sign(callerapi::SignRequest& request);

 private:
  callerapi::HostView host_;
  std::string key_id_, secret_, header_;
};

}  // namespace hmac
