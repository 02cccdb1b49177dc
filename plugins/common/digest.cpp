#include "common/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <climits>
#include <stdexcept>

namespace signing {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string text(const Digest& digest, unsigned size) {
  return {digest.begin(), digest.begin() + size};
}

}  // namespace

std::string sha256(std::string_view bytes) {
  Digest out{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("libcrypto refused to compute a SHA-256");
  return text(out, size);
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  if (key.size() > INT_MAX) throw std::runtime_error("a key of more than 2 GiB");
  Digest out{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(),
           &size) == nullptr)
    throw std::runtime_error("libcrypto refused to compute an HMAC");
  return text(out, size);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace signing
