#pragma once

#include <Poco/SHA2Engine.h>

#include <span>
#include <string>

namespace callerapi::base {

/// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const char> bytes);

/// The same of bytes that come in pieces. For one thread at a time.
class Sha256 {
 public:
  void add(std::span<const char> bytes);
  /// Of all that was added; starts anew.
  std::string hex();

 private:
  Poco::SHA2Engine engine_{Poco::SHA2Engine::SHA_256};
};

}  // namespace callerapi::base
