#include "wire/proxy.hpp"

#include <gtest/gtest.h>

namespace callerapi::wire {
namespace {

TEST(Proxy, IsTakenApart) {
  const auto plain = parse_proxy("http://proxy.corp:3128/").value();
  EXPECT_EQ(plain.host, "proxy.corp");
  EXPECT_EQ(plain.port, 3128);
  EXPECT_EQ(plain.authorization, "");
  // RFC 7617 2: Aladdin with "open sesame"; the space and the @ are percent-encoded.
  EXPECT_EQ(parse_proxy("http://Aladdin:open%20sesame@h:1")->authorization,
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(parse_proxy("http://u:p%40@[::1]:1")->authorization, "Basic dTpwQA==");
  EXPECT_EQ(parse_proxy("http://u:p%40@[::1]:1")->host, "::1");
}

TEST(Proxy, IsRefusedWithoutAWordOfWhatWasGiven) {
  for (const char* text :
       {"", "secret", "https://secret:secret@h:1", "socks5://secret@h:1", "http://",
        "http://secret@h:1", "http://u:secret%4@h:1", "http://u:secret%zz@h:1",
        "http://u:secret@h:0", "http://u:secret@", "http://u:secret@h:1/secret"}) {
    const auto proxy = parse_proxy(text);
    ASSERT_FALSE(proxy) << text;
    EXPECT_EQ(proxy.error().reason, "proxy");
    EXPECT_EQ(proxy.error().message.find("secret"), std::string::npos) << text;
  }
}

TEST(NoProxy, KeepsAwayNamesDomainsAddressesAndPorts) {
  const struct {
    const char *no_proxy, *host;
    int port;
    bool bypassed;
  } rows[] = {
      {"", "svc.test", 80, false},
      {"*", "svc.test", 80, true},
      {"svc.test", "SVC.test", 80, true},
      {"svc.test", "a.svc.test", 80, true},
      {".svc.test", "a.svc.test", 80, true},
      {".svc.test", "svc.test", 80, true},
      {"svc.test", "svc.test.", 80, true},
      {"svc.test", "xsvc.test", 80, false},
      {"svc.test", "svc.test.evil", 80, false},
      {"other, svc.test", "svc.test", 80, true},
      {"other svc.test", "svc.test", 80, true},
      {",, ,", "svc.test", 80, false},
      {".", "svc.test", 80, false},
      {"svc.test:8080", "svc.test", 8080, true},
      {"svc.test:8080", "svc.test", 80, false},
      {"10.0.0.0/8", "10.1.2.3", 80, true},
      {"10.0.0.0/8", "11.1.2.3", 80, false},
      {"192.0.2.1", "192.0.2.1", 80, true},
      {"192.0.2.1:81", "192.0.2.1", 80, false},
      {"2001:db8::1", "2001:db8::1", 80, true},
      {"[2001:db8::1]", "2001:db8::1", 80, true},
      {"[2001:db8::1]:81", "2001:db8::1", 81, true},
      {"[2001:db8::1]:81", "2001:db8::1", 80, false},
      {"", "localhost", 80, true},
      {"", "127.0.0.9", 80, true},
      {"", "::1", 80, true},
  };
  for (const auto& row : rows)
    EXPECT_EQ(bypasses_proxy(row.no_proxy, row.host, static_cast<std::uint16_t>(row.port)),
              row.bypassed)
        << row.no_proxy << " for " << row.host << ":" << row.port;
}

}  // namespace
}  // namespace callerapi::wire
