// ShortText and SpareText.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/short_text.hpp"
#include "base/spare_text.hpp"

namespace callerapi::base {
namespace {

TEST(ShortText, HoldsShortAndLongOnesInTurn) {
  ShortText text;
  EXPECT_EQ(text.view(), "");
  for (const std::size_t size : {1u, 36u, 37u, 5000u, 36u, 0u}) {
    const std::string one(size, static_cast<char>('a' + size % 26));
    text.assign(one);
    EXPECT_EQ(text.view(), one);
  }
}

TEST(SpareText, AThreadTakesWhatItGaveAndIsGivenItEmpty) {
  std::string first(1000, 'x');
  const char* const block = first.data();
  SpareText::give(std::move(first));

  std::thread([&] { EXPECT_NE(SpareText::take().data(), block) << "of another thread"; }).join();
  const std::string again = SpareText::take();

  EXPECT_EQ(again.data(), block);
  EXPECT_EQ(again, "");
  EXPECT_NE(SpareText::take().data(), block) << "given out twice";
}

TEST(SpareText, IsNotGivenUpForASmallerOne) {
  static_cast<void>(SpareText::take());
  std::string first(1000, 'x');
  const char* const block = first.data();
  SpareText::give(std::move(first));

  SpareText::give({});

  EXPECT_EQ(SpareText::take().data(), block);
}

TEST(SpareText, KeepsNoLargeOne) {
  SpareText::give(std::string(100'000, 'x'));
  EXPECT_LT(SpareText::take().capacity(), 100'000u);
}

TEST(SpareText, IsGivenAwayByWhatOutlivesIt) {
  // The checkers of leaks and of addresses see what becomes of it.
  struct Late {
    ~Late() {
      SpareText::give(std::string(1000, 'x'));
      EXPECT_EQ(SpareText::take(), "");
    }
  };
  std::thread([] {
    thread_local Late late;  // made before the thread's buffer is, so it ends behind it
    static_cast<void>(late);
    SpareText::give(std::string(1000, 'x'));
  }).join();
}

}  // namespace
}  // namespace callerapi::base
