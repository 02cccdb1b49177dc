#include "registry/instances_file.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace callerapi::registry {
namespace {

std::string refused(std::string_view text) {
  const auto parsed = parse_instances(text, "places");
  return parsed ? "accepted" : parsed.error().message;
}

TEST(InstancesFile, IsOnePlaceOnEachLinePerhapsWithAWeight) {
  const auto parsed =
      parse_instances("# ours\n\n  a.test:80\n[::1]:8080\t7 # heavier\r\n10.0.0.1:1 100", "places");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed,
            (std::vector<policy::Site>{{"a.test", 80}, {"::1", 8080, 7}, {"10.0.0.1", 1, 100}}));
}

TEST(InstancesFile, WhatIsWrongIsNamedWithItsLine) {
  const std::string place = ": expected host:port such as 10.0.0.1:8080 or [::1]:8080, saw \"";
  const std::pair<std::string, std::string> cases[] = {
      {"", "places: names no instance; write one host:port on each line"},
      {"a:80\nb\n", "places:2" + place + "b\""},
      {"a:", "places:1" + place + "a:\""},
      {":80", "places:1" + place + ":80\""},
      {"a:0", "places:1" + place + "a:0\""},
      {"a:65536", "places:1" + place + "a:65536\""},
      {"a:-1", "places:1" + place + "a:-1\""},
      {"::1:80", "places:1" + place + "::1:80\""},
      {"[::1]", "places:1" + place + "[::1]\""},
      {"http://a:80", "places:1" + place + "http://a:80\""},
      {"user@a:80", "places:1" + place + "user@a:80\""},
      {"a:80/x", "places:1" + place + "a:80/x\""},
      {"a\x01:80", "places:1" + place + "a\\x01:80\""},
      {std::string("a\0b:80", 6), "places:1" + place + "a\\x00b:80\""},
      {"a:80 0", "places:1: the weight of a:80 must be a whole number from 1 to 100, saw \"0\""},
      {"a:80 101",
       "places:1: the weight of a:80 must be a whole number from 1 to 100, saw \"101\""},
      {"a:80 1.5",
       "places:1: the weight of a:80 must be a whole number from 1 to 100, saw \"1.5\""},
      {"a:80 2 b:80",
       "places:1: expected host:port and perhaps a weight, saw \"b:80\" behind them"},
      {"a:80\nb:80\na:80", "places:3: a:80 is named twice; give it a weight instead"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refused(text), message);
}

TEST(InstancesFile, HoldsAThousandInstances) {
  std::string text;
  for (int i = 1; i <= 1000; ++i) text += "a:" + std::to_string(i) + "\n";
  EXPECT_EQ(refused(text), "accepted");
  EXPECT_EQ(refused(text + "b:1\n"), "places:1001: b:1 is one more than 1000 instances");
}

TEST(InstancesFile, AnEndlessLineIsCutInTheMessage) {
  EXPECT_LT(refused(std::string(100'000, 'a')).size(), 300u);
}

}  // namespace
}  // namespace callerapi::registry
