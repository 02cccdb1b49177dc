#include "demo_scan.hpp"

#include <gtest/gtest.h>

#include <string>

namespace callerapi::cli {
namespace {

struct Text {
  const char* label;
  const char* text;
  bool holds;
};

class HoldsWord : public testing::TestWithParam<Text> {};

TEST_P(HoldsWord, AsTheTokenizerOfTheIndexDoes) {
  EXPECT_EQ(holds_word(GetParam().text, "patent"), GetParam().holds);
}

INSTANTIATE_TEST_SUITE_P(
    , HoldsWord,
    testing::Values(Text{"Alone", "patent", true}, Text{"WithoutCase", "a PaTent.", true},
                    Text{"NoPartOfALongerWord", "patents xpatent", false},
                    Text{"DigitsBelongToWords", "patent2", false},
                    Text{"UnderscoresDoNot", "a_patent_", true},
                    Text{"LettersBeyondAsciiBelongToWords", "patent\xc3\xa9", false},
                    Text{"QuotesBeyondAsciiDoNot", "\xe2\x80\x98patent\xe2\x80\x99", true},
                    Text{"CombiningAccentsFoldAway", "paten\xcc\x81t", true},
                    Text{"Empty", "", false}),
    [](const auto& row) { return std::string(row.param.label); });

}  // namespace
}  // namespace callerapi::cli
