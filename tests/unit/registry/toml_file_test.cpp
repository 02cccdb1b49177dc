#include "registry/toml_file.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi::registry {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}
std::string reason(const std::string& text) {
  const auto parsed = parse_toml(text, "f.toml");
  return parsed ? "parsed" : parsed.error().reason;
}

TEST(TomlFile, ValuesAndKeysKnowTheirPlaces) {
  const auto root = parse_toml("a = 1\n[b]\n  c = \"x\"\nd = true\n", "f.toml");
  ASSERT_TRUE(root) << root.error().message;
  const Node& c = *root->find("b")->find("c");
  EXPECT_EQ(c.text, "x");
  EXPECT_EQ(c.key_at.line, 3u);
  EXPECT_EQ(c.key_at.column, 3u);
  EXPECT_EQ(c.at.column, 7u);
  EXPECT_EQ(root->find("a")->text, "1");
  EXPECT_EQ(root->find("b")->find("d")->kind, Node::Kind::boolean);
}

TEST(TomlFile, BadTomlIsRefusedWithItsPlace) {
  const auto parsed = parse_toml("a = 1\nb = [\n", "f.toml");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().outcome, Outcome::registry_invalid);
  EXPECT_EQ(parsed.error().reason, "syntax");
  EXPECT_TRUE(parsed.error().message.starts_with("f.toml:")) << parsed.error().message;
  EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
}

TEST(TomlFile, AKeyGivenTwiceIsRefused) {
  EXPECT_EQ(reason("[s.a]\nx = 1\n[s.a]\n"), "duplicate_key");
  EXPECT_EQ(reason("x = 1\nx = 2\n"), "duplicate_key");
}

TEST(TomlFile, BytesThatAreNoUtf8AreRefused) {
  EXPECT_EQ(reason("a = \"\xff\xfe\"\n"), "syntax");
  EXPECT_EQ(reason(std::string("a = \"\0\"\n", 9)), "syntax");
}

TEST(TomlFile, WhatWouldOverflowTheParserNeverReachesIt) {
  EXPECT_EQ(reason(repeated("a.", 30'000) + "b = 1\n"), "too_deep");
  EXPECT_EQ(reason("[" + repeated("a.", 30'000) + "b]\n"), "too_deep");
  EXPECT_EQ(reason("x = { " + repeated("a.", 30) + "b = 1 }\n"), "too_deep");
  EXPECT_EQ(reason("x = \"y\" # \"\n" + repeated("\"a\".", 30) + "b = 1\n"), "too_deep");
  EXPECT_EQ(reason(repeated("a.", 300'000) + "b = 1\n"), "too_large");
  EXPECT_EQ(reason("x = " + repeated("[", 300) + repeated("]", 300) + "\n"), "syntax");
  EXPECT_EQ(reason(repeated("#" + repeated("x", 1023) + "\n", 17'000)), "too_large");
}

TEST(TomlFile, QuotesBeforeTheEndOfALongStringHideNothingBehindIt) {
  const std::string deep = repeated("a.", 30'000) + "b = 1 }\n";
  for (const std::string quote : {"\"", "'"})
    for (int more = 0; more <= 2; ++more) {
      const std::string three = repeated(quote, 3);
      const std::string text = three + "x" + repeated(quote, more) + three;
      EXPECT_EQ(reason("x = { y = " + text + ", " + deep), "too_deep") << text;
      EXPECT_EQ(reason("x = " + text + " # " + repeated("a.", 30) + "\n"), "parsed") << text;
    }
  // A third one begins another string, which the parser refuses.
  EXPECT_EQ(reason("x = \"\"\"x\"\"\"\"\"\"\n"), "syntax");
}

TEST(TomlFile, DotsInValuesAndCommentsAreNoDepth) {
  const std::string dots = repeated("a.", 30);
  EXPECT_EQ(reason("x = \"" + dots + "\" # " + dots + "\ny = '" + dots + "'\n"), "parsed");
  EXPECT_EQ(reason("x = \"\"\"\n" + dots + "\n\"\"\"\n"), "parsed");
  EXPECT_EQ(reason(repeated("a.b = 1\n", 1) + "[c.d]\ne = 1.5\n"), "parsed");
}

}  // namespace
}  // namespace callerapi::registry
