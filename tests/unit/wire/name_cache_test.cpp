#include "wire/name_cache.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace callerapi::wire {
namespace {

using namespace std::chrono_literals;
using Hosts = std::vector<std::string>;

Error failed(const char* reason) {
  return {.outcome = Outcome::dns_error, .reason = reason, .message = reason};
}

class Cache : public testing::Test {
 protected:
  void good(Duration ttl, const std::string& name = "h") {
    EXPECT_TRUE(cache_.store(name, Found{{"192.0.2.1"}, ttl}, now_));
  }
  /// What those who wait are told: "good", or the reason why not.
  std::string bad(const char* reason) { return text(cache_.store("h", failed(reason), now_)); }
  std::string fresh() const {
    const auto answer = cache_.fresh("h", now_);
    return answer ? text(*answer) : "ask";
  }
  static std::string text(const NameCache::Answer& answer) {
    if (!answer) return answer.error().reason;
    return *answer == Hosts{"192.0.2.1"} ? "good" : "other";
  }

  NameCache cache_;
  TimePoint now_{1h};
};

TEST_F(Cache, AnAnswerHoldsForItsTtlWithinBounds) {
  const struct {
    Duration ttl, holds;
  } rows[] = {{0s, 1s}, {1s, 1s}, {7s, 7s}, {30s, 30s}, {24h, 30s}};
  for (const auto& row : rows) {
    good(row.ttl);
    now_ += row.holds - 1ms;
    EXPECT_EQ(fresh(), "good") << row.ttl.count();
    now_ += 1ms;
    EXPECT_EQ(fresh(), "ask") << row.ttl.count();
  }
}

TEST_F(Cache, AFailureHoldsForOneSecond) {
  EXPECT_EQ(bad("not_found"), "not_found");
  now_ += 999ms;
  EXPECT_EQ(fresh(), "not_found");
  now_ += 1ms;
  EXPECT_EQ(fresh(), "ask");
}

TEST_F(Cache, AGoodAnswerOutlivesAFailingServerForFiveMinutes) {
  good(10s);
  now_ += 10s + 5min - 1ms;
  EXPECT_EQ(bad("temporary"), "good");
  EXPECT_EQ(fresh(), "good") << "and is not asked for again within the second";
  now_ += 1s;
  EXPECT_EQ(fresh(), "ask");
  EXPECT_EQ(bad("timeout"), "timeout");
}

TEST_F(Cache, OneNoSuchNameIsDoubtedAndTheSecondInARowIsBelieved) {
  good(10s);
  now_ += 10s;
  EXPECT_EQ(bad("not_found"), "good");
  now_ += 1s;
  EXPECT_EQ(bad("not_found"), "not_found");
  now_ += 1s;
  EXPECT_EQ(bad("temporary"), "temporary") << "what was denied twice must not come back";
}

TEST_F(Cache, AGoodAnswerBetweenTwoDenialsResetsTheCount) {
  good(1s);
  now_ += 1s;
  EXPECT_EQ(bad("no_address"), "good");
  now_ += 1s;
  good(1s);
  now_ += 1s;
  EXPECT_EQ(bad("not_found"), "good");
}

TEST_F(Cache, ItsSizeIsBoundedAndTheOldestGoFirst) {
  for (std::size_t i = 0; i < base::limits::names_max; ++i)
    good(i == 7 ? Duration(1s) : Duration(30s), std::to_string(i));
  good(30s, "one more");

  EXPECT_EQ(cache_.size(), base::limits::names_max);
  EXPECT_FALSE(cache_.fresh("7", now_));
  EXPECT_TRUE(cache_.fresh("8", now_));
  EXPECT_TRUE(cache_.fresh("one more", now_));
}

}  // namespace
}  // namespace callerapi::wire
