#include "base/digest.hpp"

#include <openssl/evp.h>

#include <array>

namespace callerapi::base {

void Sha256::add(std::span<const char> bytes) { engine_.update(bytes.data(), bytes.size()); }

std::string Sha256::hex() { return Poco::DigestEngine::digestToHex(engine_.digest()); }

/// OpenSSL's is a dozen times as fast, and is not there where its configuration lets no provider
/// have it.
std::string sha256_hex(std::span<const char> bytes) {
  std::array<unsigned char, 32> digest;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr) ==
      1)
    return Poco::DigestEngine::digestToHex({digest.begin(), digest.end()});
  Sha256 engine;
  engine.add(bytes);
  return engine.hex();
}

}  // namespace callerapi::base
