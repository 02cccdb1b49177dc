#include "wire/url.hpp"

#include <gtest/gtest.h>

#include "wire/encode.hpp"

namespace callerapi::wire {
namespace {

TEST(BaseUrl, IsTakenApart) {
  const auto url = parse_base_url("http://api.example:8080/v1/x/").value();

  EXPECT_EQ(url.host, "api.example");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.path, "/v1/x");
  EXPECT_EQ(url.authority(), "api.example:8080");
}

TEST(BaseUrl, TheUsualPortIsNotSaid) {
  EXPECT_EQ(parse_base_url("http://h:80")->authority(), "h");
  EXPECT_EQ(parse_base_url("https://h")->port, 443);
  EXPECT_EQ(parse_base_url("https://h")->scheme, "https");
  EXPECT_EQ(parse_base_url("https://h:443")->authority(), "h");
  EXPECT_EQ(parse_base_url("https://h:80")->authority(), "h:80");
  EXPECT_EQ(parse_base_url("http://h:443")->authority(), "h:443");
  EXPECT_EQ(parse_base_url("http://[::1]")->authority(), "[::1]");
  EXPECT_EQ(parse_base_url("http://[::1]:81")->authority(), "[::1]:81");
}

TEST(BaseUrl, BracketsHoldAnAddressAndNoByteMore) {
  // Functions of C read up to the NUL and see a sound address.
  EXPECT_FALSE(parse_base_url(std::string_view("http://[::1\0x]/", 14)));
  EXPECT_FALSE(parse_base_url("http://[fe80::1%lo]/"));
  EXPECT_TRUE(parse_base_url("http://[::ffff:127.0.0.1]/"));
}

TEST(BaseUrl, ASocketHasAPathAndPerhapsAPrefix) {
  const auto url = parse_base_url("unix:/run/x.sock").value();
  EXPECT_EQ(url.scheme, "unix");
  EXPECT_EQ(url.host, "/run/x.sock");
  EXPECT_EQ(url.path, "");
  EXPECT_EQ(url.authority(), "localhost");
  EXPECT_EQ(parse_base_url("unix:/run/x.sock:/v1/")->path, "/v1");
  EXPECT_EQ(parse_base_url("unix:/run/x.sock:")->path, "");
}

class BadBaseUrl : public testing::TestWithParam<const char*> {};

TEST_P(BadBaseUrl, IsRefusedWithoutEchoingAPassword) {
  const auto url = parse_base_url(GetParam());

  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().reason, "base_url");
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    , BadBaseUrl,
    testing::Values("", "h", "ftp://h", "https://u:secret@h", "http://", "http://:80", "http:///x",
                    "http://u:secret@h", "http://u:se?secret@h", "http://h?q", "http://h#f",
                    "http://h:0", "http://h:65536", "http://h:", "http://h:+1", "http://h:8x",
                    "http://h\\@evil/", "http://h%0d%0a/", "http://%68/", "http://127.1",
                    "http://0x7f.1", "http://2130706433", "http://0177.0.0.1", "http://[::1",
                    "http://[127.0.0.1]", "http://[::1]x", "http://h x/", "http://h/a b",
                    "http://h/../x", "http://h/x/.", "http://h/%2e%2e/x", "http://h/a/%2e%2Fx",
                    "http://h/a%5C..", "http://h/.%2E/x", "http://h/%2e", "http://h/a\"b",
                    "http://h/<x>", "http://h/{x}", "http://h/50%", "http://h/%zz", "http://h/a%2",
                    "unix:", "unix:x.sock", "unix:/", "unix:/run/", "unix://h/x", "unix:/x:v1",
                    "unix:/x:/..", "unix:/x:/?secret", "unix:/x\ny", "https://", "https://h:0",
                    "HTTPS://h", "https:/h"));

TEST(Query, EverythingButUnreservedIsEncodedInOrder) {
  std::string target = "/x";
  ASSERT_TRUE(append_query(target, {{"a b", "c&=ü/%2F"}, {"k", ""}, {"k", "~-._"}}));

  EXPECT_EQ(target, "/x?a%20b=c%26%3D%C3%BC%2F%252F&k=&k=~-._");
}

TEST(Query, ControlBytesAndBrokenUtf8AreRefused) {
  for (const char* text : {"a\r\nb", "\t", "\x7f"}) {
    std::string target = "/x";
    EXPECT_EQ(append_query(target, {{"q", text}}).error().reason, "illegal_byte");
  }
  for (const char* text : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"}) {
    std::string target = "/x";
    EXPECT_EQ(append_query(target, {{"q", text}}).error().reason, "not_utf8");
  }
}

TEST(Form, ASpaceIsAPlus) {
  EXPECT_EQ(encode_form({{"a b", "c+d"}, {"é", "*"}}), "a+b=c%2Bd&%C3%A9=*");
}

}  // namespace
}  // namespace callerapi::wire
