#include "base/nearest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace callerapi::base {
namespace {

const std::vector<std::string> names = {"timeouts", "retry", "plugin", "base_url"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("timeout", names), "timeouts");
  EXPECT_EQ(nearest("rerty", names), "retry") << "a swap is one edit";
  EXPECT_EQ(nearest("baseurl", names), "base_url");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("colour", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), names), "");
}

TEST(Nearest, SuggestionNamesTheNearestOrAll) {
  EXPECT_EQ(suggestion("timeout", names), "; did you mean 'timeouts'?");
  EXPECT_EQ(suggestion("colour", names), "; known are timeouts, retry, plugin, base_url");
  EXPECT_EQ(suggestion("colour", {}), "");
}

TEST(Nearest, LongListsAreCut) {
  const std::vector<std::string> many(14, "abcdefghij");
  EXPECT_TRUE(suggestion("x", many).ends_with(" and 2 more"));
}

}  // namespace
}  // namespace callerapi::base
