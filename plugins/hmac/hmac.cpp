#include "hmac.hpp"

#include <stdexcept>

#include "common/digest.hpp"

namespace hmac {
namespace {

std::string required(const callerapi::HostView& host, std::string_view key) {
  auto value = host.config(key);
  if (!value || value->empty())
    throw std::runtime_error("config." + std::string(key) +
                             " is missing; key_id and secret are required");
  return std::move(*value);
}

}  // namespace

Hmac::Hmac(callerapi::HostView host)
    : host_(host),
      key_id_(required(host, "key_id")),
      secret_(required(host, "secret")),
      header_(host.config("header").value_or("Request-Signature")) {}

void Hmac::sign(callerapi::SignRequest& request) {
  if (request.body_streamed())
    throw std::runtime_error("a streamed body has no digest to sign; send it from memory");
  const std::string seconds = std::to_string(host_.unix_ms() / 1000);
  std::string to_sign(seconds);
  to_sign.append("\n").append(request.method()).append("\n").append(request.target());
  to_sign.append("\n").append(signing::hex(signing::sha256(request.body())));
  request.header(header_, "key_id=" + key_id_ + ",t=" + seconds +
                              ",v1=" + signing::hex(signing::hmac_sha256(secret_, to_sign)));
}

}  // namespace hmac

CALLERAPI_PLUGIN(hmac::Hmac)
