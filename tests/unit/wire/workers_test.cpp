#include "wire/workers.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace callerapi::wire {
namespace {

/// How many threads the system has left to give.
int threads_left = 0;

Result<std::thread> start_if_any(std::function<void()> work) {
  if (threads_left == 0) return Error{.outcome = Outcome::resource_exhausted};
  --threads_left;
  return std::thread(std::move(work));
}

TEST(Workers, WithoutAThreadToBeHadATaskWaitsForTheNextTry) {
  threads_left = 0;
  Workers workers(2, &start_if_any);
  std::promise<std::thread::id> ran;
  EXPECT_FALSE(workers.run([&] { ran.set_value(std::this_thread::get_id()); }));
  workers.try_again();

  threads_left = 1;
  workers.try_again();
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(threads_left, 0);
  workers.try_again();  // nobody waits, so nobody is started
}

TEST(Workers, OrForTheNextTask) {
  threads_left = 0;
  Workers workers(1, &start_if_any);
  std::promise<void> first, second;
  EXPECT_FALSE(workers.run([&] { first.set_value(); }));
  threads_left = 1;
  EXPECT_FALSE(workers.run([&] { second.set_value(); }));
  first.get_future().wait();
  second.get_future().wait();
}

TEST(Workers, ATaskForWhichThereIsNoThreadMoreWaitsForThoseThereAre) {
  threads_left = 1;
  Workers workers(2, &start_if_any);
  std::promise<void> go_on, done;
  EXPECT_TRUE(workers.run([&] { go_on.get_future().wait(); }));
  EXPECT_FALSE(workers.run([&] { done.set_value(); }));
  go_on.set_value();
  done.get_future().wait();
}

TEST(Workers, WhatNeverGotAThreadRunsAtTheEnd) {
  threads_left = 0;
  bool ran = false;
  {
    Workers workers(1, &start_if_any);
    workers.run([&] { ran = true; });
    EXPECT_FALSE(ran);
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace callerapi::wire
