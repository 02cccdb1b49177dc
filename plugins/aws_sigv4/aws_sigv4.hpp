#pragma once

#include <callerapi/plugin.hpp>
#include <string>

namespace aws_sigv4 {

/// Any service behind AWS Signature Version 4: it declares nothing but the common endpoints and
/// signs every request. Any number of services may use it.
class AwsSigv4 {
 public:
  static constexpr std::string_view id = "aws_sigv4", version = "1.0.0", owner = "callerapi";
  using api = callerapi::dsl::endpoints<callerapi::dsl::common>;

  /// Throws when a key of `config` is missing.
  explicit AwsSigv4(callerapi::HostView host);
  void sign(callerapi::SignRequest& request);

 private:
  callerapi::HostView host_;
  std::string access_key_id_, secret_access_key_, session_token_, region_, service_;
};

}  // namespace aws_sigv4
