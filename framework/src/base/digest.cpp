#include "base/digest.hpp"

#include <Poco/SHA2Engine.h>
#include <openssl/evp.h>

#include <array>

namespace callerapi::base {

/// OpenSSL's is a dozen times as fast, and is not there where its configuration lets no provider
/// have it.
std::string sha256_hex(std::span<const char> bytes) {
  std::array<unsigned char, 32> digest;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr) ==
      1)
    return Poco::DigestEngine::digestToHex({digest.begin(), digest.end()});
  Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
  engine.update(bytes.data(), bytes.size());
  return Poco::DigestEngine::digestToHex(engine.digest());
}

}  // namespace callerapi::base
