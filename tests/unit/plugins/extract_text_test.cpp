#include "extract/service_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace extract {
namespace {

struct Page {
  const char* label;
  const char* html;
  const char* text;
};

class HtmlToText : public testing::TestWithParam<Page> {};

TEST_P(HtmlToText, KeepsWhatAReaderSees) {
  std::string title;
  EXPECT_EQ(html_to_text(GetParam().html, title), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    , HtmlToText,
    testing::Values(Page{"InlineTagsVanish", "a<b>b</b>c", "abc"},
                    Page{"BlocksBreakLines", "<p>a</p><P CLASS=x>b<br/>c", "a\nb\nc"},
                    Page{"WhiteSpaceFolds", "  a \n\t b  ", "a b"},
                    Page{"CommentsVanish", "a<!-- <p> -- > -->b", "ab"},
                    Page{"ScriptsVanish", "a<script>if (1 < 2) x(\"</p>\")</SCRIPT >b", "ab"},
                    Page{"StylesVanish", "a<style>p > b {}</style>b", "ab"},
                    Page{"NamedReferences", "&lt;&amp;&gt;&nbsp;&copy;", "<&> \xc2\xa9"},
                    Page{"NumericReferences", "&#65;&#x42;&#x20AC;", "AB\xe2\x82\xac"},
                    Page{"UnknownReferencesStay", "&nosuch; a & b &#0; &#xD800;",
                         "&nosuch; a & b &#0; &#xD800;"},
                    Page{"QuotedMarksStayInTheTag", "<a title=\"x > y\">b</a>", "b"},
                    Page{"ALoneLessIsText", "1 < 2", "1 < 2"},
                    Page{"AnUnclosedTagEndsThePage", "a<b", "a"},
                    Page{"AnUnclosedScriptEndsThePage", "a<script>b", "a"}),
    [](const auto& row) { return std::string(row.param.label); });

TEST(HtmlTitle, IsTakenFromItsElement) {
  std::string title;
  html_to_text("<html><TITLE> A &amp;\n B </TITLE><h1>C</h1>", title);
  EXPECT_EQ(title, "A & B");
}

TEST(HtmlTitle, IsTheFirstOnePerPageHoweverManyThereAre) {
  std::string title;
  html_to_text("<title>a</title><svg><title>b</title></svg>", title);
  EXPECT_EQ(title, "a");
  // Each of these once went through all that is behind it: hours for a page of this size.
  std::string page;
  for (int i = 0; i < 300'000; ++i) page += "<title>";
  std::string text;
  EXPECT_EQ(html_to_text(page, text), "");
}

TEST(ToUtf8, WhatIsNotUtf8IsTakenForLatin1) {
  EXPECT_EQ(to_utf8("caf\xe9 caf\xc3\xa9"), "caf\xc3\xa9 caf\xc3\xa9");
}

TEST(ToUtf8, OverlongAndSurrogateSequencesAreNotUtf8) {
  EXPECT_EQ(to_utf8("\xc0\x80"), "\xc3\x80\xc2\x80");
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), "\xc3\xad\xc2\xa0\xc2\x80");
}

TEST(ToUtf8, ControlCharactersBecomeSpacesAndTheByteOrderMarkGoes) {
  EXPECT_EQ(to_utf8(std::string("\xef\xbb\xbf"
                                "a\0b\r\n\tc",
                                10)),
            "a b\n\tc");
}

TEST(FirstLine, SkipsRulesAndDropsMarkdownMarks) {
  EXPECT_EQ(first_line("\n-----\n# Title #\nmore"), "Title");
  EXPECT_EQ(first_line(" \n"), "");
}

TEST(FirstLine, ALongLineIsCutBetweenCharacters) {
  const std::string line = first_line("a" + std::string(59, 'b') + std::string(30 * 2, '\xc3'));
  EXPECT_LE(line.size(), 120u);
  std::string euros;
  for (int i = 0; i < 50; ++i) euros += "\xe2\x82\xac";
  EXPECT_EQ(first_line("x" + euros).size(), 1u + 39 * 3);
}

TEST(Sniff, TheBytesDecideBeforeTheName) {
  EXPECT_EQ(sniff("%PDF-1.4", "a.html"), "application/pdf");
  EXPECT_EQ(sniff("plain", "A.HTML"), "text/html");
  EXPECT_EQ(sniff("plain", "copyright"), "text/plain");
}

}  // namespace
}  // namespace extract
