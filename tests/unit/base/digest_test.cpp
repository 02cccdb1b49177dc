#include "base/digest.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>

namespace callerapi::base {
namespace {

// FIPS 180-4, the examples of NIST for SHA-256.
constexpr const char* of_nothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, IsThatOfTheStandard) {
  EXPECT_EQ(sha256_hex({}), of_nothing);
  EXPECT_EQ(sha256_hex(std::string("abc")), of_abc);
}

TEST(Digest, NeedsNoProviderOfOpenSsl) {
  ASSERT_EQ(::EVP_set_default_properties(nullptr, "provider=nobody"), 1);
  const std::string found = sha256_hex(std::string("abc"));
  ASSERT_EQ(::EVP_set_default_properties(nullptr, ""), 1);
  EXPECT_EQ(found, of_abc);
}

}  // namespace
}  // namespace callerapi::base
