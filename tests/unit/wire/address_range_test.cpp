#include "wire/address_range.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace callerapi::wire {
namespace {

std::vector<AddressRange> ranges(const std::vector<std::string>& texts) {
  std::vector<AddressRange> all;
  for (const std::string& text : texts) all.push_back(AddressRange::parse(text).value());
  return all;
}

TEST(AddressRange, HoldsWhatItsPrefixSays) {
  const auto ten = AddressRange::parse("10.32.0.0/11").value();
  EXPECT_TRUE(ten.contains("10.32.0.0"));
  EXPECT_TRUE(ten.contains("10.63.255.255"));
  EXPECT_FALSE(ten.contains("10.64.0.0"));
  EXPECT_FALSE(ten.contains("fd00::1"));
  EXPECT_FALSE(ten.contains("ten.test"));
  const auto unique = AddressRange::parse("fd00::/8").value();
  EXPECT_TRUE(unique.contains("fdff::1"));
  EXPECT_FALSE(unique.contains("fe00::1"));
  EXPECT_TRUE(AddressRange::parse("::1")->contains("0:0::1"));
  EXPECT_FALSE(AddressRange::parse("::1")->contains("::2"));
  EXPECT_TRUE(AddressRange::parse("0.0.0.0/0")->contains("203.0.113.9"));
}

TEST(AddressRange, IsRefusedWhenItIsNone) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8",
        "fd00::1/8", "::/129", "host", "10.0.0", "[::1]", "fe80::1%eth0", "fe80::%1/10"})
    EXPECT_FALSE(AddressRange::parse(text)) << text;
}

TEST(MayConnect, NotToLinkLocalAddressesInWhateverForm) {
  for (const char* host :
       {"169.254.169.254", "169.254.0.1", "fe80::1", "febf::1", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "fe80::1%eth0", "fe80::a9fe:a9fe%2"})
    EXPECT_FALSE(may_connect(host, {})) << host;
  for (const char* host : {"127.0.0.1", "10.0.0.1", "169.253.255.255", "::1", "fec0::1", "fd00::1"})
    EXPECT_TRUE(may_connect(host, {})) << host;
}

TEST(MayConnect, WithAListToWhatIsOnItAlone) {
  const auto allowed = ranges({"169.254.1.0/24", "10.0.0.0/8"});
  EXPECT_TRUE(may_connect("169.254.1.9", allowed));
  EXPECT_TRUE(may_connect("::ffff:10.1.2.3", allowed));
  EXPECT_FALSE(may_connect("169.254.2.9", allowed));
  EXPECT_TRUE(may_connect("fe80::1%eth0", ranges({"fe80::/10"})));
  EXPECT_FALSE(may_connect("127.0.0.1", allowed));
  EXPECT_FALSE(may_connect("::1", allowed));
}

}  // namespace
}  // namespace callerapi::wire
