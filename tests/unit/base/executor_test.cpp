#include "callerapi/executor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include "base/pool_executor.hpp"

namespace callerapi {
namespace {

TEST(PoolExecutor, MayEndInATaskOfItsOwn) {
  const auto released = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  auto pool = Executor::pool(2);
  Executor& posted_to = *pool;
  posted_to.post([last = pool, released, ended]() mutable {
    released->get_future().wait();
    last.reset();
    ended->set_value();
  });
  pool.reset();
  released->set_value();

  EXPECT_EQ(ended->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(PoolExecutor, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran{0};
  auto pool = Executor::pool(2);
  for (int i = 0; i < 100; ++i) pool->post([&ran] { ++ran; });
  pool.reset();
  EXPECT_EQ(ran.load(), 100);
}

TEST(PoolExecutor, WhatComesAfterItsEndRunsWhereItIsPosted) {
  base::PoolExecutor pool(1);
  std::atomic<int> ran{0};
  // What a task posts while the pool ends is still the pool's.
  std::thread::id nested;
  const auto here = std::this_thread::get_id();
  pool.post([&] { pool.post([&] { nested = std::this_thread::get_id(), ++ran; }); });
  pool.stop();
  EXPECT_EQ(ran.load(), 1);
  EXPECT_NE(nested, here);

  std::thread::id late;
  pool.post([&] { late = std::this_thread::get_id(); });
  EXPECT_EQ(late, here);
}

TEST(AnyExecutor, SurvivesATaskThatThrowsAndRunsTheNext) {
  for (const auto& executor : {Executor::inline_executor(), Executor::pool(1)}) {
    std::promise<void> ran;
    executor->post([] { throw std::runtime_error("of the embedder's callback"); });
    executor->post([] { throw 7; });
    executor->post([&] { ran.set_value(); });
    EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  }
}

}  // namespace
}  // namespace callerapi
