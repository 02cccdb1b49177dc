// The model behind the numbers of the breaker, played on the real budget, breaker and retry: calls
// arrive by chance, each attempt fails by chance and is answered at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <vector>

#include "base/random.hpp"
#include "policy/breaker.hpp"
#include "policy/budget.hpp"
#include "policy/retry.hpp"

namespace callerapi::policy {
namespace {

constexpr TimePoint start = TimePoint(1h);
constexpr Duration attempt = 10s;
constexpr double calls_per_second = 50;

struct Count {
  int calls = 0, good = 0, attempts = 0;
  TimePoint last_bad = start;
  double availability() const { return static_cast<double>(good) / calls; }
};

class Brownout {
 public:
  using Chance = std::function<double(TimePoint)>;  ///< That an attempt fails.
  Brownout(std::uint64_t seed, Chance fails) : random_(seed), fails_(std::move(fails)) {}

  Count play(Duration time) {
    TimePoint arrival = start;
    while (arrival < start + time || !due_.empty()) {
      if (arrival < start + time && (due_.empty() || arrival <= due_.top().at)) {
        ++count_.calls;
        begin({arrival, arrival, {}, true});
        arrival +=
            Duration(static_cast<Duration::rep>(-std::log(1 - even()) * 1e9 / calls_per_second));
      } else {
        Event event = due_.top();
        due_.pop();
        begin(std::move(event));
      }
    }
    return count_;
  }

 private:
  struct Event {
    TimePoint at, began;
    RetryState retry;
    bool first;
    bool operator<(const Event& other) const { return at > other.at; }
  };

  double even() {
    return static_cast<double>(random_.next() >> 11) / static_cast<double>(1ull << 53);
  }

  void begin(Event event) {
    const auto admission = breaker_.admit(breaker_terms_, event.at, attempt);
    if (!admission.granted) {
      count_.last_bad = event.at;
      return;
    }
    if (event.first) budget_.deposit(event.at);
    ++count_.attempts;
    const bool failed = even() < fails_(event.at);
    breaker_.record(breaker_terms_, admission.permit,
                    failed ? base::Verdict::failure : base::Verdict::success, event.at,
                    random_.next());
    if (!failed) {
      ++count_.good;
      return;
    }
    Error error{Outcome::connection_reset, {}, {}};
    error.sent = Sent::maybe;
    RetryTerms terms{.settings = {},
                     .attempts_max = 2,
                     .may_repeat = true,
                     .deadline = event.began + 30s,
                     .budget = &budget_};
    const Decision next = event.retry.after(terms, {.error = &error}, event.at, random_.next(), 0);
    if (!next.again) {
      count_.last_bad = event.at;
      return;
    }
    event.at += next.wait;
    event.first = false;
    due_.push(std::move(event));
  }

  base::Random random_;
  Chance fails_;
  BreakerTerms breaker_terms_;
  Budget budget_;
  Breaker breaker_;
  std::priority_queue<Event> due_;
  Count count_;
};

double availability(double failing) {
  double sum = 0;
  constexpr int seeds = 10;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    sum += Brownout(seed * 7919, [=](TimePoint) { return failing; }).play(600s).availability();
  return sum / seeds;
}

TEST(S19, N8_ABrownOutKeepsTheAvailabilityOfTheModel) {
  EXPECT_NEAR(availability(0.3), 0.78, 0.03);
  EXPECT_NEAR(availability(0.5), 0.56, 0.03);
  EXPECT_NEAR(availability(0.7), 0.33, 0.03);
  EXPECT_NEAR(availability(0.75), 0.26, 0.03);
  EXPECT_NEAR(availability(0.9), 0.00, 0.03) << "above its ratio it is open nearly always";
}

TEST(S19, N8_AnOutageOfTwoMinutesCostsFewAttemptsAndEndsSoon) {
  double attempts = 0, recovery = 0, worst = 0;
  constexpr int seeds = 20;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    int during = 0;
    const auto fails = [&](TimePoint at) {
      const bool out = at >= start + 60s && at < start + 180s;
      during += out ? 1 : 0;
      return out ? 1.0 : 0.0;
    };
    const Count count = Brownout(seed * 7919, fails).play(300s);
    const double late = std::chrono::duration<double>(count.last_bad - start - 180s).count();
    attempts += during;
    recovery += late;
    worst = std::max(worst, late);
  }
  EXPECT_NEAR(attempts / seeds, 82, 10) << "of 6000 that were wanted";
  EXPECT_LE(recovery / seeds, 10);
  EXPECT_LE(worst, 18) << "the longest time open";
}

}  // namespace
}  // namespace callerapi::policy
