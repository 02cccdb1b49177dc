#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// AWS Signature Version 4, as pure functions.
namespace aws_sigv4 {

struct Credentials {
  std::string access_key_id, secret_access_key;
  std::string region, service;  ///< The scope: "eu-central-1", "execute-api".
};

/// A request as far as it is signed.
struct Message {
  std::string_view method;
  std::string_view target;  ///< Path and query as they stand on the wire.
  /// Those to be signed, Host among them, in any case and order.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view payload_hash;  ///< SHA-256 in hexadecimal, or "UNSIGNED-PAYLOAD".
};

/// S3, its Object Lambda and Outposts take the path as it is; every other service normalises it and
/// encodes it twice.
bool is_s3(std::string_view service) noexcept;
/// Content-Type and every x-amz- header: S3 refuses a request with one of the latter unsigned, and
/// no other service minds.
bool is_signed(std::string_view header);
/// "20150830T123600Z"
std::string amz_date(std::int64_t unix_ms);
std::string canonical_request(const Message& message, bool s3);
/// The value of the Authorization header; `date` as amz_date() has it.
std::string authorization(const Credentials& credentials, const Message& message,
                          std::string_view date);

}  // namespace aws_sigv4
