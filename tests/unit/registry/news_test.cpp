#include "registry/news.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace callerapi::registry {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint at(Duration since) { return TimePoint(1h) + since; }

TEST(News, ThereIsNoneBeforeAFileMovesAndAfterItWasCompared) {
  News news(true);
  EXPECT_EQ(news.due(), std::nullopt);
  news.moved(at(0ms));
  news.compared();
  EXPECT_EQ(news.due(), std::nullopt);
}

TEST(News, ARegistryIsReadWhenItHasRested) {
  News news(true);
  news.moved(at(0ms));
  EXPECT_EQ(news.due(), at(100ms));
  news.moved(at(90ms));
  EXPECT_EQ(news.due(), at(190ms));
}

TEST(News, ARegistryThatNeverRestsIsReadAllTheSame) {
  News news(true);
  for (Duration t = 0ms; t < 480ms; t += 10ms) news.moved(at(t));
  EXPECT_EQ(news.due(), at(500ms));
}

TEST(News, TheLastContentIsInForceWithinASecondAtTenChangesASecond) {
  // The last write falls right behind a comparison that told of a change.
  News news(true);
  const TimePoint told = at(0ms);
  for (Duration t = 1ms; t <= 400ms; t += 1ms) news.moved(told + t);
  const TimePoint last = told + 400ms;
  const TimePoint compared = std::max(*news.due(), told + News::between_changes);
  EXPECT_LE(compared - last, 1s);
  EXPECT_GE(compared - told, 100ms);
}

TEST(News, APluginThatIsWrittenSlowlyIsNotReadBeforeItsEnd) {
  News news(false);
  for (Duration t = 0ms; t < 2s; t += 200ms) {
    news.moved(at(t));
    ASSERT_GE(*news.due(), at(t + 200ms)) << "between two pieces";
  }
  EXPECT_EQ(news.due(), at(1800ms + 500ms));
}

}  // namespace
}  // namespace callerapi::registry
