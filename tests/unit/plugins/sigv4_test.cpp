#include "aws_sigv4/sigv4.hpp"

#include <gtest/gtest.h>

#include <string>

#include "common/digest.hpp"

namespace aws_sigv4 {
namespace {

constexpr std::int64_t moment_ms = 1'440'938'160'000;  // 2015-08-30 12:36:00

/// The suite that AWS publishes: these keys, this moment, this scope, for every case of it.
const Credentials suite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1",
                        "service"};

struct Case {
  const char* name;
  const char* method;
  const char* target;
  std::vector<std::pair<std::string, std::string>> headers;
  const char* body;
  const char* signature;
};

Message message_of(const Case& one, const std::string& payload_hash) {
  Message message{.method = one.method,
                  .target = one.target,
                  .headers = one.headers,
                  .payload_hash = payload_hash};
  message.headers.emplace_back("Host", "example.amazonaws.com");
  message.headers.emplace_back("X-Amz-Date", "20150830T123600Z");
  return message;
}

class Suite : public ::testing::TestWithParam<Case> {};

TEST_P(Suite, SignsAsAwsPublishes) {
  const std::string payload = signing::hex(signing::sha256(GetParam().body));

  const std::string line =
      authorization(suite, message_of(GetParam(), payload), amz_date(moment_ms));

  EXPECT_EQ(line.substr(line.rfind('=') + 1), GetParam().signature)
      << canonical_request(message_of(GetParam(), payload), false);
}

INSTANTIATE_TEST_SUITE_P(
    SigV4, Suite,
    ::testing::Values(Case{"get_vanilla",
                           "GET",
                           "/",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Case{"post_vanilla",
                           "POST",
                           "/",
                           {},
                           "",
                           "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
                      Case{"get_vanilla_query_order_key",
                           "GET",
                           "/?Param1=value2&Param1=Value1",
                           {},
                           "",
                           "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
                      Case{"get_vanilla_query_order_key_case",
                           "GET",
                           "/?Param2=value2&Param1=value1",
                           {},
                           "",
                           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
                      Case{"get_vanilla_query_order_value",
                           "GET",
                           "/?Param1=value2&Param1=value1",
                           {},
                           "",
                           "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
                      Case{"get_vanilla_utf8_query",
                           "GET",
                           "/?\xe1\x88\xb4=bar",
                           {},
                           "",
                           "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
                      Case{"get_utf8",
                           "GET",
                           "/\xe1\x88\xb4",
                           {},
                           "",
                           "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
                      Case{"get_unreserved",
                           "GET",
                           "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                           {},
                           "",
                           "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
                      Case{"get_space",
                           "GET",
                           "/example space/",
                           {},
                           "",
                           "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
                      Case{"get_relative",
                           "GET",
                           "/example/..",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Case{"get_relative_relative",
                           "GET",
                           "/example1/example2/../..",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Case{"get_slash",
                           "GET",
                           "//",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Case{"get_slash_dot_slash",
                           "GET",
                           "/./",
                           {},
                           "",
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Case{"get_slash_pointless_dot",
                           "GET",
                           "/./example",
                           {},
                           "",
                           "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
                      Case{"get_slashes",
                           "GET",
                           "//example//",
                           {},
                           "",
                           "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
                      Case{"get_header_value_trim",
                           "GET",
                           "/",
                           {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
                           "",
                           "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
                      Case{"get_header_value_order",
                           "GET",
                           "/",
                           {{"My-Header1", "value4"},
                            {"My-Header1", "value1"},
                            {"My-Header1", "value3"},
                            {"My-Header1", "value2"}},
                           "",
                           "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
                      Case{"post_header_key_sort",
                           "POST",
                           "/",
                           {{"My-Header1", "value1"}},
                           "",
                           "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
                      Case{"post_header_value_case",
                           "POST",
                           "/",
                           {{"My-Header1", "VALUE1"}},
                           "",
                           "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
                      Case{"post_x_www_form_urlencoded",
                           "POST",
                           "/",
                           {{"Content-Type", "application/x-www-form-urlencoded"}},
                           "Param1=value1",
                           "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
                      Case{"post_x_www_form_urlencoded_parameters",
                           "POST",
                           "/",
                           {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
                           "Param1=value1",
                           "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(SigV4, TheHeaderNamesKeyScopeAndWhatIsSignedInItsPlace) {
  const std::string payload = signing::hex(signing::sha256(""));
  Message message{
      .method = "GET",
      .target = "/",
      .headers = {{"X-AMZ-DATE", "20150830T123600Z"}, {"Host", "example.amazonaws.com"}},
      .payload_hash = payload};

  EXPECT_EQ(authorization(suite, message, amz_date(moment_ms)),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(SigV4, ThePathOnTheWireIsEncodedOnceMoreButForS3) {
  const Message message{
      .method = "GET", .target = "/a%20b/../+c", .headers = {}, .payload_hash = "x"};

  EXPECT_EQ(canonical_request(message, false), "GET\n/%2Bc\n\n\n\nx");
  EXPECT_EQ(canonical_request(message, true), "GET\n/a%20b/../%2Bc\n\n\n\nx");
  EXPECT_EQ(canonical_request({"GET", "/a%20b", {}, "x"}, false), "GET\n/a%2520b\n\n\n\nx");
}

/// The first example of "Authenticating Requests" in the reference of S3.
TEST(SigV4, SignsTheRangedGetOfTheS3Reference) {
  const std::string payload = signing::hex(signing::sha256(""));
  const Message message{.method = "GET",
                        .target = "/test.txt",
                        .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                                    {"Range", "bytes=0-9"},
                                    {"x-amz-content-sha256", payload},
                                    {"x-amz-date", "20130524T000000Z"}},
                        .payload_hash = payload};

  const std::string line = authorization(
      {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"},
      message, "20130524T000000Z");

  EXPECT_EQ(line.substr(line.rfind('=') + 1),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, WhatSpeaksAsS3DoesIsSignedLikeIt) {
  for (const char* service : {"s3", "s3-object-lambda", "s3-outposts"})
    EXPECT_TRUE(is_s3(service)) << service;
  for (const char* service : {"s3express", "s3tables", "execute-api", "S3", ""})
    EXPECT_FALSE(is_s3(service)) << service;
}

TEST(SigV4, AQueryIsDecodedBeforeItIsEncodedAndAParameterNeedsNoValue) {
  EXPECT_EQ(canonical_request({"GET", "/?b=%7e%2f&a&&c=1=2", {}, "x"}, false),
            "GET\n/\na=&b=~%2F&c=1%3D2\n\n\nx");
  EXPECT_EQ(canonical_request({"GET", "/?a=%zz%2", {}, "x"}, false), "GET\n/\na=%25zz%252\n\n\nx");
}

TEST(SigV4, SignsTheContentTypeAndEveryHeaderOfAws) {
  EXPECT_TRUE(is_signed("content-TYPE"));
  EXPECT_TRUE(is_signed("X-Amz-Target"));
  EXPECT_FALSE(is_signed("User-Agent"));
  EXPECT_FALSE(is_signed("Caller-Timeout-Ms"));
}

}  // namespace
}  // namespace aws_sigv4
