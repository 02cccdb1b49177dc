#include "policy/stopwatch.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint at(Duration since) { return TimePoint(1h) + since; }

TEST(Stopwatch, EveryMomentBelongsToOnePart) {
  Stopwatch watch(at(0ms));
  watch.enter(&TimeLedger::queue, at(1ms));
  watch.enter(&TimeLedger::write, at(3ms));
  watch.enter(&TimeLedger::wait, at(7ms));
  watch.enter(&TimeLedger::read, at(15ms));
  watch.enter(&TimeLedger::retry, at(31ms));
  watch.enter(&TimeLedger::local, at(63ms));

  const TimeLedger& time = watch.stop(at(127ms));

  EXPECT_EQ(time.local, 65ms);
  EXPECT_EQ(time.queue, 2ms);
  EXPECT_EQ(time.write, 4ms);
  EXPECT_EQ(time.wait, 8ms);
  EXPECT_EQ(time.read, 16ms);
  EXPECT_EQ(time.retry, 32ms);
  EXPECT_EQ(time.total(), 127ms);
}

TEST(Stopwatch, OpeningCountsOnlyAsFarAsItWasWaitedFor) {
  const pool::Opening opening{at(0ms), at(10ms), at(30ms), at(70ms)};

  Stopwatch from_the_start(at(-5ms));
  from_the_start.enter(&TimeLedger::queue, at(-5ms));
  from_the_start.connected(opening, at(75ms));
  const TimeLedger whole = from_the_start.stop(at(75ms));
  EXPECT_EQ(whole.dns, 10ms);
  EXPECT_EQ(whole.connect, 20ms);
  EXPECT_EQ(whole.tls, 40ms);
  EXPECT_EQ(whole.queue, 10ms) << "before it began and after it was over";
  EXPECT_EQ(whole.total(), 80ms);

  Stopwatch late(at(20ms));
  late.enter(&TimeLedger::queue, at(20ms));
  late.connected(opening, at(70ms));
  const TimeLedger part = late.stop(at(70ms));
  EXPECT_EQ(part.dns, 0ms);
  EXPECT_EQ(part.connect, 10ms);
  EXPECT_EQ(part.tls, 40ms);
  EXPECT_EQ(part.total(), 50ms);
}

TEST(Stopwatch, AConnectionThatWasThereCostsNothing) {
  Stopwatch watch(at(0ms));
  watch.connected({at(-30ms), at(-20ms), at(-10ms), at(-5ms)}, at(1ms));
  EXPECT_EQ(watch.stop(at(1ms)).local, 1ms);
}

TEST(Stopwatch, TimeThatRanBackwardsCountsAsNone) {
  Stopwatch watch(at(10ms));
  watch.enter(&TimeLedger::read, at(5ms));
  EXPECT_EQ(watch.stop(at(12ms)).read, 2ms);
  EXPECT_EQ(watch.stop(at(12ms)).total(), 2ms);
}

}  // namespace
}  // namespace callerapi::policy
