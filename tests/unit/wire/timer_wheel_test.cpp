#include "wire/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <vector>

#include "base/random.hpp"

namespace callerapi::wire {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start = TimePoint(1h);

TEST(TimerWheel, FiresAtItsTimeAndNeverEarly) {
  TimerWheel wheel(start);
  int fired = 0;
  Timer timer([&] { ++fired; });
  wheel.arm(timer, start + 10ms);

  wheel.advance(start + 10ms);
  EXPECT_EQ(fired, 0);
  wheel.advance(start + 11ms);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, ADisarmedTimerIsSilent) {
  TimerWheel wheel(start);
  int fired = 0;
  Timer timer([&] { ++fired; });
  wheel.arm(timer, start + 10ms);
  wheel.disarm(timer);

  wheel.advance(start + 1s);

  EXPECT_EQ(fired, 0);
  EXPECT_EQ(wheel.next_due(), std::nullopt);
}

TEST(TimerWheel, IsNeededNextForTheNearestThatIsStillArmed) {
  TimerWheel wheel(start);
  Timer near([] {}), far([] {});
  wheel.arm(far, start + 200ms);
  wheel.arm(near, start + 10ms);
  EXPECT_EQ(wheel.next_due(), start + 11ms);
  wheel.disarm(near);
  EXPECT_EQ(wheel.next_due(), start + 201ms);
  wheel.arm(near, start + 10ms);
  EXPECT_EQ(wheel.next_due(), start + 11ms) << "in a slot that was found empty";
  wheel.advance(start + 100ms);
  EXPECT_EQ(wheel.next_due(), start + 201ms);
  wheel.arm(near, start + 290ms);  // its slot lies before the one of now
  wheel.disarm(far);
  EXPECT_EQ(wheel.next_due(), start + 256ms) << "the turn of the wheel";
  wheel.advance(start + 256ms);
  EXPECT_EQ(wheel.next_due(), start + 291ms);
}

TEST(TimerWheel, ATimerMayArmItselfAgain) {
  TimerWheel wheel(start);
  int fired = 0;
  TimePoint next = start + 5ms;
  Timer timer([&] {
    if (++fired < 3) wheel.arm(timer, next += 5ms);
  });
  wheel.arm(timer, next);

  wheel.advance(start + 100ms);

  EXPECT_EQ(fired, 3);
}

TEST(TimerWheel, EveryLevelFiresInTimeWhateverTheSteps) {
  base::Random random(7);
  TimerWheel wheel(start);
  TimePoint now = start;
  struct Armed {
    explicit Armed(const TimePoint& clock) : timer([this, &clock] { fired.push_back(clock); }) {}
    Timer timer;
    TimePoint due{};
    std::vector<TimePoint> fired;
  };
  std::deque<Armed> all;
  for (int i = 0; i < 500; ++i) {
    Armed& one = all.emplace_back(now);
    one.due = start + std::chrono::milliseconds(random.below(1u << (1 + random.below(27))));
    wheel.arm(one.timer, one.due);
  }
  while (const auto due = wheel.next_due()) {
    ASSERT_GE(*due, now);
    now = *due;
    wheel.advance(now);
  }
  for (const Armed& one : all) {
    ASSERT_EQ(one.fired.size(), 1u);
    EXPECT_GT(one.fired[0], one.due);
    EXPECT_LE(one.fired[0], one.due + 2ms);
  }
}

}  // namespace
}  // namespace callerapi::wire
