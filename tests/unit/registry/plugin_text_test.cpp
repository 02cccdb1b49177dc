#include "registry/plugin_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi::registry {
namespace {

const PluginText to{"\"new\"", "\"ab\""};

std::string edited(const std::string& file, const PluginText& words = to) {
  auto out = with_plugin_text(file, "registry.toml", "a", words);
  return out ? *out : out.error().message;
}

struct Case {
  const char* before;
  const char* after;
};
// However a registry is written, the words change and nothing else.
constexpr Case cases[] = {
    {"[services.a]\nplugin = \"x\"\n", "[services.a]\nplugin = \"new\"\nsha256 = \"ab\"\n"},
    {"[services.a]\n  plugin   = 'x' # why\n[z]\n",
     "[services.a]\n  plugin   = \"new\" # why\n  sha256   = \"ab\"\n[z]\n"},
    {"[services.a]\nsha256='old'#s\nu = 'é' \nplugin=\"x\"",
     "[services.a]\nsha256=\"ab\"#s\nu = 'é' \nplugin=\"new\""},
    {"[services.a]\nplugin = \"x\"", "[services.a]\nplugin = \"new\"\nsha256 = \"ab\""},
    {"[services.a]\r\nplugin = \"x\"\r\nq = 1\r\n",
     "[services.a]\r\nplugin = \"new\"\r\nsha256 = \"ab\"\r\nq = 1\r\n"},
    {"[services]\na.plugin = 'x'\n", "[services]\na.plugin = \"new\"\na.sha256 = \"ab\"\n"},
    {"services.a.\"plugin\" = 'x'\n",
     "services.a.\"plugin\" = \"new\"\nservices.a.\"sha256\" = \"ab\"\n"},
    {"[services]\na = { 'é' = 1, plugin = 'x' } # { }\n",
     "[services]\na = { 'é' = 1, plugin = \"new\", sha256 = \"ab\" } # { }\n"},
    {"services = { a = { plugin = 'x', q = 1 } }\n",
     "services = { a = { plugin = \"new\", sha256 = \"ab\", q = 1 } }\n"}};

TEST(PluginText, TheWordsChangeAndEveryOtherByteStays) {
  for (const Case& c : cases) EXPECT_EQ(edited(c.before), c.after);
}

TEST(PluginText, PutBackTheOldWordsGiveTheOldBytes) {
  for (const Case& c : cases) {
    const auto words = plugin_text(c.before, "registry.toml", "a");
    ASSERT_TRUE(words) << words.error().message;
    EXPECT_EQ(edited(edited(c.before), *words), c.before);
  }
}

TEST(PluginText, WhatCannotBeEditedIsRefusedWithItsPlace) {
  EXPECT_EQ(edited("[services.b]\nplugin = 'x'\n"),
            "registry.toml: services.a: is not in this file");
  EXPECT_EQ(edited("\n[services.a]\nq = 1\n"),
            "registry.toml:2:1: services.a: has no plugin in this file; add plugin = \"a\"");
  EXPECT_EQ(edited("[services.a]\n\"plu\\u0067in\" = 'x'\n"),
            "registry.toml:1:1: services.a: cannot be edited where it stands; write plugin = "
            "\"new\", sha256 = \"ab\" there");
}

}  // namespace
}  // namespace callerapi::registry
