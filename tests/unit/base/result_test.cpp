#include "callerapi/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace callerapi {
namespace {

Error sample() { return {Outcome::connect_error, "refused", "billing: connection refused"}; }

TEST(Result, HoldsAValueOrAnError) {
  Result<int> good = 7;
  Result<int> bad = sample();

  EXPECT_TRUE(good);
  EXPECT_EQ(*good, 7);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error().outcome, Outcome::connect_error);
  EXPECT_EQ(bad.value_or(3), 3);
}

TEST(Result, ValueThrowsTheErrorForThoseWhoPreferExceptions) {
  Result<int> bad = sample();
  try {
    (void)bad.value();
    FAIL() << "value() of an error returned";
  } catch (const CallError& thrown) {
    EXPECT_EQ(thrown.error().reason, "refused");
    EXPECT_STREQ(thrown.what(), "billing: connection refused");
  }
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> out = std::move(result).value();
  EXPECT_EQ(*out, 5);
}

TEST(Result, OfNothingIsGoodUntilGivenAnError) {
  Result<void> good;
  Result<void> bad = sample();
  EXPECT_TRUE(good);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason, "refused");
  EXPECT_THROW(bad.value(), CallError);
}

}  // namespace
}  // namespace callerapi
