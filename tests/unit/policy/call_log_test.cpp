#include "policy/call_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace callerapi::policy {
namespace {

void keep(CallLog& log, Outcome outcome, int times, const std::string& id = "") {
  for (int i = 0; i < times; ++i) {
    auto record = std::make_shared<CallRecord>();
    record->outcome = outcome;
    record->call_id = id;
    log.keep(record);
  }
}

std::ptrdiff_t failed(const CallLog& log) {
  return std::ranges::count_if(log.all(),
                               [](const auto& one) { return one->outcome != Outcome::ok; });
}

TEST(CallLog, KeepsTheLast) {
  CallLog log;
  keep(log, Outcome::connect_error, 1, "first");
  keep(log, Outcome::connect_error, 127);
  EXPECT_EQ(log.all().front()->call_id, "first");
  keep(log, Outcome::ok, 1, "last");
  EXPECT_EQ(log.all().size(), CallLog::kept_max);
  EXPECT_NE(log.all().front()->call_id, "first");
  EXPECT_EQ(log.all().back()->call_id, "last");
}

TEST(CallLog, CallsThatSucceededLaterPushOutOnlyHalfOfThoseThatFailed) {
  CallLog log;
  keep(log, Outcome::connect_error, 128);
  keep(log, Outcome::ok, 1000);
  EXPECT_EQ(failed(log), 63);
  EXPECT_EQ(log.all().size(), CallLog::kept_max);
  keep(log, Outcome::connect_error, 128);
  EXPECT_EQ(failed(log), 128) << "and not the other way round: failures are what one looks for";
}

}  // namespace
}  // namespace callerapi::policy
