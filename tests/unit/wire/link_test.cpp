#include "wire/link.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace callerapi::wire {
namespace {

struct LinkCase {
  const char* label;
  const char* field;
  const char* next;  ///< Null: there is none.
};
class LinkField : public testing::TestWithParam<LinkCase> {};

TEST_P(LinkField, LeadsToTheNextPageOrNowhere) {
  Headers headers;
  headers.add("Link", GetParam().field);

  const auto found = link_target(headers, "next");

  if (GetParam().next == nullptr)
    EXPECT_EQ(found, std::nullopt);
  else
    EXPECT_EQ(found, GetParam().next);
}

INSTANTIATE_TEST_SUITE_P(
    , LinkField,
    testing::Values(
        LinkCase{"quoted", R"(</p?page=2>; rel="next")", "/p?page=2"},
        LinkCase{"bare", "</p?page=2>;rel=next", "/p?page=2"},
        LinkCase{"upper_case", R"(</2>; REL="NEXT")", "/2"},
        LinkCase{"behind_another", R"(</9>; rel="last", </2>; rel="next")", "/2"},
        LinkCase{"one_of_two_relations", R"(</2>; rel="prefetch next")", "/2"},
        LinkCase{"no_part_of_a_word", R"(</2>; rel="nextish")", nullptr},
        LinkCase{"comma_in_the_target", R"(</a,b>; rel="next")", "/a,b"},
        LinkCase{"comma_in_a_title", R"(</1>; title="a, <b>; rel=next"; rel="first")", nullptr},
        LinkCase{"escaped_quote", R"(</1>; title="a\", rel=next"; rel="next")", "/1"},
        LinkCase{"the_first_rel_counts", R"(</1>; rel="last"; rel="next")", nullptr},
        LinkCase{"blanks", " \t< /2>\t ; rel = next", " /2"},
        LinkCase{"empty_elements", R"(, ,</2>; rel="next",)", "/2"},
        LinkCase{"empty_parameter", R"(</2>; ; rel="next")", "/2"},
        LinkCase{"no_angle", R"(/2; rel="next")", nullptr},
        LinkCase{"open_angle", R"(</2; rel="next")", nullptr},
        LinkCase{"open_quote", R"(</2>; rel="next)", nullptr}, LinkCase{"nothing", "", nullptr},
        LinkCase{"rubbish_between", R"(</1>; rel="prev" x, </2>; rel="next")", nullptr}),
    [](const auto& one) { return one.param.label; });

TEST(Link, ManyFieldsAreOneList) {
  Headers headers;
  headers.add("Link", R"(</1>; rel="prev")");
  headers.add("link", R"(</3>; rel="next")");
  EXPECT_EQ(link_target(headers, "next"), "/3");
  EXPECT_EQ(link_target({}, "next"), std::nullopt);
}

}  // namespace
}  // namespace callerapi::wire
