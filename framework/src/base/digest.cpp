#include "base/digest.hpp"

#include <Poco/SHA2Engine.h>

namespace callerapi::base {

std::string sha256_hex(std::span<const char> bytes) {
  Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
  engine.update(bytes.data(), bytes.size());
  return Poco::DigestEngine::digestToHex(engine.digest());
}

}  // namespace callerapi::base
