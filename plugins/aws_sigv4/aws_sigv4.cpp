#include "aws_sigv4.hpp"

#include <stdexcept>

#include "aws_sigv4/sigv4.hpp"
#include "common/digest.hpp"

namespace aws_sigv4 {
namespace {

std::string required(const callerapi::HostView& host, std::string_view key) {
  auto value = host.config(key);
  if (!value || value->empty())
    throw std::runtime_error("config." + std::string(key) +
                             " is missing; access_key_id, secret_access_key, region and service "
                             "are required");
  return std::move(*value);
}

}  // namespace

AwsSigv4::AwsSigv4(callerapi::HostView host)
    : host_(host),
      access_key_id_(required(host, "access_key_id")),
      secret_access_key_(required(host, "secret_access_key")),
      session_token_(host.config("session_token").value_or("")),
      region_(required(host, "region")),
      service_(required(host, "service")) {}

void AwsSigv4::sign(callerapi::SignRequest& request) {
  // Whoever streams a body may know its digest; S3 alone takes one that nobody knows.
  std::string payload(request.header("X-Amz-Content-Sha256").value_or(""));
  if (payload.empty() && !request.body_streamed())
    payload = signing::hex(signing::sha256(request.body()));
  if (payload.empty()) {
    if (!is_s3(service_))
      throw std::runtime_error(
          "a streamed body has no digest to sign; send it from memory, or give its SHA-256 in the "
          "header X-Amz-Content-Sha256");
    payload = "UNSIGNED-PAYLOAD";
  }
  const std::string date = amz_date(host_.unix_ms());
  request.header("X-Amz-Date", date);
  if (!session_token_.empty()) request.header("X-Amz-Security-Token", session_token_);
  if (is_s3(service_)) request.header("X-Amz-Content-Sha256", payload);

  Message message{.method = request.method(),
                  .target = request.target(),
                  .headers = {{"host", std::string(request.authority())}},
                  .payload_hash = payload};
  request.each_header([&](std::string_view name, std::string_view value) {
    if (is_signed(name)) message.headers.emplace_back(name, value);
  });
  request.header(
      "Authorization",
      authorization({access_key_id_, secret_access_key_, region_, service_}, message, date));
}

}  // namespace aws_sigv4

CALLERAPI_PLUGIN(aws_sigv4::AwsSigv4)
