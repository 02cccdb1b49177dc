#include "base/recycling.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace callerapi::base {
namespace {

struct Large {
  std::array<char, 2000> bytes{};
};
std::shared_ptr<Large> made() { return std::allocate_shared<Large>(Recycling<Large>()); }

TEST(Recycling, WhatAThreadFreesItMakesTheNextOf) {
  if (address_sanitized) GTEST_SKIP() << "the sanitizer must see each object's end";
  const void* first = made().get();
  EXPECT_EQ(made().get(), first);
  std::thread([&] { EXPECT_NE(made().get(), first) << "of another thread"; }).join();
}

TEST(Recycling, NoObjectIsGivenOutTwiceAndTheRestGoesBack) {
  std::vector<std::shared_ptr<Large>> all;
  for (int round = 0; round < 3; ++round) {
    all.clear();
    std::set<const void*> places;
    for (int i = 0; i < 200; ++i) places.insert(all.emplace_back(made()).get());
    ASSERT_EQ(places.size(), 200u);
  }
}

TEST(Recycling, AThreadThatEndsKeepsNothing) {
  // The leak checker sees what was kept, the address checker what is freed after that.
  struct Late {
    std::shared_ptr<Large> held;
  };
  std::thread([] {
    thread_local Late late;  // made before the thread's blocks are, so it ends behind them
    late.held = made();
    made();
  }).join();
}

}  // namespace
}  // namespace callerapi::base
