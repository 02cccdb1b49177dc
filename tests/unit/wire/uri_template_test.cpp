#include "wire/uri_template.hpp"

#include <gtest/gtest.h>

#include <map>

namespace callerapi::wire {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

std::string expand(std::string_view text, const Values& values) {
  std::string out;
  const auto done = UriTemplate::compile(text)->expand(
      out, [&](std::string_view name) -> std::optional<std::string_view> {
        const auto found = values.find(name);
        if (found == values.end()) return std::nullopt;
        return found->second;
      });
  return done ? out : done.error().reason;
}

TEST(UriTemplate, LevelsOneToThreeExpandAsInRfc6570) {
  const Values v{{"var", "value"},
                 {"hello", "Hello World!"},
                 {"path", "/foo/bar"},
                 {"x", "1024"},
                 {"y", "768"}};

  EXPECT_EQ(expand("{hello}", v), "Hello%20World%21");
  EXPECT_EQ(expand("{+path}/here", v), "/foo/bar/here");
  EXPECT_EQ(expand("map?{x,y}", v), "map?1024,768");
  EXPECT_EQ(expand("{+x,path}/here", v), "1024,/foo/bar/here");
  EXPECT_EQ(expand("X{.x,y}", v), "X.1024.768");
  EXPECT_EQ(expand("{/var,x}/here", v), "/value/1024/here");
  EXPECT_EQ(expand("{;x,y}", v), ";x=1024;y=768");
  EXPECT_EQ(expand("{?x,y}", v), "?x=1024&y=768");
  EXPECT_EQ(expand("?fixed=yes{&x}", v), "?fixed=yes&x=1024");
  EXPECT_EQ(expand("/x{?none,y}", v), "/x?y=768");
}

TEST(UriTemplate, AValueCannotLeaveItsSegment) {
  EXPECT_EQ(expand("/f/{id}", {{"id", "a/b?c#d%;\\ ü"}}), "/f/a%2Fb%3Fc%23d%25%3B%5C%20%C3%BC");
  for (const char* value : {".", "..", "a/../b", "a\\..", "../x"})
    EXPECT_EQ(expand("/f/{id}", {{"id", value}}), "dot_segment") << value;
  EXPECT_EQ(expand("/f/{+id}", {{"id", "%2e%2E/x"}}), "dot_segment");
  EXPECT_EQ(expand("/f/{id}", {{"id", "..."}}), "/f/...");
}

TEST(UriTemplate, NoServerResolvesAnExpansionToAnotherPath) {
  // Slashes that are kept encoded, and dots that the template itself brings.
  for (const char* value : {"..%2Fx", "x%5c..", "a%2F./b"})
    EXPECT_EQ(expand("/f/{+id}", {{"id", value}}), "dot_segment") << value;
  EXPECT_EQ(expand("/f/..{+id}", {{"id", "/x"}}), "dot_segment");
  EXPECT_EQ(expand("/f/.{id}", {{"id", "/x"}}), "dot_segment");
  EXPECT_EQ(expand("/f/{id}%2E", {{"id", "x/"}}), "dot_segment");
  EXPECT_EQ(expand("/f/{+id}", {{"id", "a..b/...%2Fx."}}), "/f/a..b/...%2Fx.");
  EXPECT_EQ(expand("/f{?q}", {{"q", "/../"}}), "/f?q=%2F..%2F");
}

TEST(UriTemplate, AValueThatKeepsItsSlashesDoesNotEndThePath) {
  EXPECT_EQ(expand("/f/{+id}/tags", {{"id", "a/b?x=#y"}}), "/f/a/b%3Fx=%23y/tags");
  EXPECT_EQ(expand("/f/{+id}/tags", {{"id", "a%3Fb%23"}}), "/f/a%3Fb%23/tags");
  EXPECT_EQ(expand("/f/{+id}/tags", {{"id", "a?/../b"}}), "dot_segment");
  EXPECT_EQ(expand("/f/{+a,b}{?q}", {{"a", "?"}, {"b", "#"}, {"q", "?"}}), "/f/%3F,%23?q=%3F");
  EXPECT_EQ(expand("/f?u={+id}&x=1", {{"id", "/a?b#c"}}), "/f?u=/a?b%23c&x=1");
}

TEST(UriTemplate, BadValuesAreRefused) {
  EXPECT_EQ(expand("/f/{id}", {{"id", ""}}), "empty_path_param");
  EXPECT_EQ(expand("/f/{id}", {}), "missing_parameter");
  EXPECT_EQ(expand("/f/{id}", {{"id", "a\r\nb"}}), "illegal_byte");
  EXPECT_EQ(expand("/f/{id}", {{"id", "a\tb"}}), "illegal_byte");
  EXPECT_EQ(expand("/f/{id}", {{"id", "\xc0\xae"}}), "not_utf8");
}

TEST(UriTemplate, MalformedTemplatesAreRefused) {
  for (const char* text : {"/{", "/}", "/{}", "/{a,}", "/{a b}", "/{a}}", "/{a{b}}", "/ x", "/\xc3",
                           "/a\"b", "/<a>", "/a|b", "/50%", "/%zz{a}", "/%2{a}"})
    EXPECT_FALSE(UriTemplate::compile(text)) << text;
  const auto fragment = UriTemplate::compile("/x{#part}");
  ASSERT_FALSE(fragment);
  EXPECT_EQ(fragment.error().message,
            "template '/x{#part}': '{#' makes a fragment, which no request carries; '{+' keeps the "
            "same bytes in the path");
}

}  // namespace
}  // namespace callerapi::wire
