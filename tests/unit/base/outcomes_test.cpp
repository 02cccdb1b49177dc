#include "base/outcomes.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::base {
namespace {

TEST(Outcomes, RowsStandInTheOrderOfTheEnum) {
  int index = 0;
  for (const OutcomeRow& row : outcome_rows())
    EXPECT_EQ(static_cast<int>(row.outcome), index++) << row.name;
}

TEST(Outcomes, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const OutcomeRow& row : outcome_rows())
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

TEST(Outcomes, EveryStatusFindsItsRule) {
  for (int status = 100; status <= 999; ++status) {
    const StatusRow& row = row_of_status(status);
    EXPECT_TRUE(status >= row.first && status <= row.last) << status;
  }
}

TEST(Outcomes, ServerErrorsThatHealAreRetriedAndOthersAreNot) {
  EXPECT_EQ(row_of_status(503).retry, RetryRule::idempotent);
  EXPECT_EQ(row_of_status(500).retry, RetryRule::optional);
  EXPECT_EQ(row_of_status(501).retry, RetryRule::never);
  EXPECT_EQ(row_of_status(404).retry, RetryRule::never);
  EXPECT_EQ(row_of_status(429).retry, RetryRule::throttle);
}

TEST(Outcomes, WhatNeverLeftIsNeverCalledMaybeSent) {
  for (const OutcomeRow& row : outcome_rows())
    if (row.condition == Condition::overloaded) {
      EXPECT_EQ(row.sent, Sent::no) << row.name;
    }
}

TEST(Outcomes, ConditionOfAStatusErrorFollowsTheStatus) {
  Error error{Outcome::http_status, {}, {}};
  error.status = 404;
  EXPECT_EQ(error.condition(), Condition::rejected);
  error.status = 500;
  EXPECT_EQ(error.condition(), Condition::failed);
  error.status = 503;
  EXPECT_EQ(error.condition(), Condition::overloaded);
}

}  // namespace
}  // namespace callerapi::base
