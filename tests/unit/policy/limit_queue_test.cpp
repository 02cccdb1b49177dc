#include "policy/limit_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/futex.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;
using Ticket = std::shared_ptr<LimitTicket>;

constexpr TimePoint start = TimePoint(1h);

/// The limits of one service at a time that the test moves.
class Service {
 public:
  explicit Service(LimitSettings with) : settings(with) {}

  Result<Ticket> ask(Duration patience = 1s, Priority priority = Priority::critical) {
    LimitSettings mine = settings;
    mine.priority = priority;
    return limits.enter(mine, now + patience, now);
  }
  /// In at once?
  bool enters() {
    const auto answer = ask();
    return answer && *answer == nullptr;
  }
  Ticket waits(Duration patience = 1s, Priority priority = Priority::critical) {
    auto answer = ask(patience, priority);
    EXPECT_TRUE(answer) << answer.error().message;
    EXPECT_NE(*answer, nullptr) << "it did not have to wait";
    return *answer;
  }
  Error refusal(Duration patience = 1s, Priority priority = Priority::critical) {
    auto answer = ask(patience, priority);
    EXPECT_FALSE(answer) << "it was let in, or waits";
    return answer ? Error{} : std::move(answer).error();
  }
  bool in(const Ticket& ticket) {
    const auto answer = limits.look(ticket, now);
    return answer && !answer->has_value();
  }
  void leave() {
    if (limits.leave()) limits.serve(now);
  }

  LimitSettings settings;
  TimePoint now = start;
  Limits limits;
};

TEST(Limits, AFullServiceSaysTheNumberAndTheKeyToRaise) {
  Service service({.inflight = 1});
  EXPECT_TRUE(service.enters());
  const Error refused = service.refusal();
  EXPECT_EQ(refused.outcome, Outcome::bulkhead_full);
  EXPECT_EQ(refused.reason, "inflight");
  EXPECT_EQ(refused.sent, Sent::no);
  EXPECT_EQ(refused.message,
            "1 calls of this service are in flight, as many as limits.inflight allows; raise it, "
            "or make fewer calls at once");
}

TEST(Limits, ARateThatIsUsedUpSaysTheNumbersAndWhenToComeBack) {
  Service service({.inflight = 0, .rate = 40, .burst = 1});
  EXPECT_TRUE(service.enters());
  service.now += 10ms;
  const Error refused = service.refusal();
  EXPECT_EQ(refused.outcome, Outcome::rate_limited_local);
  EXPECT_EQ(refused.reason, "rate");
  EXPECT_EQ(refused.message,
            "limits.rate = 40 calls a second and limits.burst = 1 at once are used up; the next "
            "call may begin in 15ms; raise them if the service takes more, or call less often");
}

TEST(Limits, ACallThatTheRateRefusesHoldsNoPlace) {
  Service service({.inflight = 8, .rate = 1, .burst = 1});
  EXPECT_TRUE(service.enters());
  for (int i = 0; i < 100; ++i) service.refusal();
  EXPECT_EQ(service.limits.in_flight(), 1);
}

TEST(Limits, ACallThatFindsNoPlaceTakesNothingOfTheRate) {
  Service service({.inflight = 1, .rate = 10, .burst = 2});
  EXPECT_TRUE(service.enters());
  for (int i = 0; i < 100; ++i) service.refusal();
  service.leave();
  EXPECT_TRUE(service.enters());
}

TEST(LimitQueue, LetsInByTheOrderOfArrivalWithEachPlaceThatIsFreed) {
  Service service({.inflight = 2, .queue = 10});
  EXPECT_TRUE(service.enters());
  EXPECT_TRUE(service.enters());
  const Ticket first = service.waits(), second = service.waits(), third = service.waits();
  EXPECT_EQ(service.limits.waiting(), 3);
  service.leave();
  EXPECT_FALSE(service.in(third));
  EXPECT_FALSE(service.in(second));
  EXPECT_TRUE(service.in(first));
  service.leave();
  service.leave();
  EXPECT_TRUE(service.in(second));
  EXPECT_TRUE(service.in(third));
  EXPECT_EQ(service.limits.in_flight(), 2);
  EXPECT_EQ(service.limits.waiting(), 0);
}

TEST(LimitQueue, NobodyPassesThoseWhoWait) {
  Service service({.inflight = 1, .queue = 10});
  EXPECT_TRUE(service.enters());
  const Ticket waiting = service.waits();
  EXPECT_TRUE(service.limits.leave()) << "the place is free, and who waits does not know yet";
  const Ticket late = service.waits();
  EXPECT_TRUE(service.in(waiting));
  EXPECT_FALSE(service.in(late));
}

TEST(LimitQueue, WhenItIsFullTheNextIsRefusedAtOnceWithTheNumbers) {
  Service service({.inflight = 1, .queue = 2});
  EXPECT_TRUE(service.enters());
  const Ticket one = service.waits(), two = service.waits();
  const Error refused = service.refusal();
  EXPECT_EQ(refused.outcome, Outcome::bulkhead_full);
  EXPECT_EQ(refused.reason, "queue_full");
  EXPECT_EQ(refused.message,
            "1 calls of this service are in flight, as many as limits.inflight allows, and 2 calls "
            "wait, as many as limits.queue allows; raise them, or make fewer calls at once");
  EXPECT_EQ(service.limits.waiting(), 2);
}

TEST(LimitQueue, OneThatWaitedItsTimeIsRefusedAndMakesRoom) {
  Service service({.inflight = 1, .queue = 1});
  EXPECT_TRUE(service.enters());
  const Ticket ticket = service.waits(100ms);
  const auto early = service.limits.look(ticket, start + 99ms);
  ASSERT_TRUE(early && *early);
  EXPECT_EQ(**early, start + 100ms) << "until then there is nothing to look at";
  const auto over = service.limits.look(ticket, start + 100ms);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().outcome, Outcome::bulkhead_full);
  EXPECT_EQ(over.error().reason, "queue_wait");
  EXPECT_EQ(over.error().message,
            "1 calls of this service are in flight, as many as limits.inflight allows, and its "
            "turn did not come within 100ms (timeouts.acquire); raise one of them, or make fewer "
            "calls at once");
  EXPECT_EQ(service.limits.waiting(), 0);
  service.waits();
}

TEST(LimitQueue, AWaitForTheRateEndsWhenItsTurnComes) {
  Service service({.inflight = 0, .queue = 10, .rate = 10, .burst = 1});
  EXPECT_TRUE(service.enters());
  const Ticket first = service.waits(), second = service.waits();
  const auto due = service.limits.look(first, service.now);
  ASSERT_TRUE(due && *due);
  EXPECT_EQ(**due, start + 100ms);
  service.now = start + 100ms;
  EXPECT_TRUE(service.in(first));
  EXPECT_FALSE(service.in(second)) << "one call each tenth of a second";
  service.now = start + 200ms;
  EXPECT_TRUE(service.in(second));
}

TEST(LimitQueue, LookingALittleLateEachTimeTakesNothingFromTheRate) {
  Service service({.inflight = 0, .queue = 100, .rate = 100, .burst = 1});
  EXPECT_TRUE(service.enters());
  std::vector<Ticket> tickets;
  for (int i = 0; i < 100; ++i) tickets.push_back(service.waits(2s));
  for (const Ticket& ticket : tickets) {
    const auto due = service.limits.look(ticket, service.now);
    ASSERT_TRUE(due);
    if (!*due) continue;
    service.now = **due + 1ms;
    ASSERT_TRUE(service.in(ticket));
  }
  EXPECT_EQ(service.now, start + 1s + 1ms);
}

TEST(LimitQueue, APauseOfTheWholeProcessIsNotMadeUpForInARush) {
  Service service({.inflight = 0, .queue = 100, .rate = 100, .burst = 1});
  EXPECT_TRUE(service.enters());
  std::vector<Ticket> tickets;
  for (int i = 0; i < 20; ++i) tickets.push_back(service.waits(2s));
  ASSERT_TRUE(service.limits.look(tickets.front(), service.now));
  service.now += 1s;
  service.limits.serve(service.now);
  EXPECT_EQ(service.limits.waiting(), 18) << "the one that was due, and the one of now";
}

TEST(LimitQueue, OneThatTheRateCannotLetGoInItsTimeIsRefusedAtOnce) {
  Service service({.inflight = 0, .queue = 10, .rate = 10, .burst = 2});
  EXPECT_TRUE(service.enters());
  EXPECT_TRUE(service.enters());
  const Ticket one = service.waits(), two = service.waits();
  service.waits(300ms);
  const Error refused = service.refusal(399ms);
  EXPECT_EQ(refused.outcome, Outcome::rate_limited_local);
  EXPECT_EQ(refused.reason, "no_time");
  EXPECT_EQ(refused.message,
            "limits.rate = 10 calls a second and limits.burst = 2 at once are used up; with 3 "
            "calls before it this one could begin in 400ms and may wait 399ms; raise the rate, "
            "timeouts.acquire or timeouts.total, or call less often");
  EXPECT_EQ(service.limits.waiting(), 3) << "it holds nothing";
}

TEST(LimitQueue, TheNextOfTheRateIsToldWhenTheOneBeforeGivesUp) {
  Service service({.inflight = 0, .queue = 10, .rate = 10, .burst = 1});
  EXPECT_TRUE(service.enters());
  const Ticket first = service.waits(), second = service.waits();
  ASSERT_TRUE(service.limits.look(second, service.now));
  int woken = 0;
  service.limits.await(*second, [&] { ++woken; });
  service.limits.withdraw(*first, service.now);
  EXPECT_EQ(woken, 1);
  const auto due = service.limits.look(second, service.now);
  ASSERT_TRUE(due && *due);
  EXPECT_EQ(**due, start + 100ms) << "it has moved up, with nobody but itself to look";
}

TEST(LimitQueue, AWakeThatComesBeforeAnybodyListensIsNotLost) {
  Service service({.inflight = 1, .queue = 1});
  EXPECT_TRUE(service.enters());
  const Ticket ticket = service.waits();
  ASSERT_TRUE(service.limits.look(ticket, service.now));
  service.leave();
  int woken = 0;
  service.limits.await(*ticket, [&] { ++woken; });
  EXPECT_EQ(woken, 1);
}

TEST(LimitQueue, OneThatGivesUpPassesOnThePlaceItHadBeenGiven) {
  Service service({.inflight = 1, .queue = 10});
  EXPECT_TRUE(service.enters());
  const Ticket cancelled = service.waits(), next = service.waits();
  service.leave();
  service.limits.withdraw(*cancelled, service.now);
  EXPECT_TRUE(service.in(next));
  service.leave();
  EXPECT_EQ(service.limits.in_flight(), 0);
  EXPECT_EQ(service.limits.waiting(), 0);
}

TEST(LimitQueue, ClosingEndsEveryWaitAndAnyThatWouldBegin) {
  Service service({.inflight = 1, .queue = 10});
  EXPECT_TRUE(service.enters());
  const Ticket one = service.waits(), two = service.waits();
  int woken = 0;
  for (const Ticket& ticket : {one, two}) {
    ASSERT_TRUE(service.limits.look(ticket, service.now));
    service.limits.await(*ticket, [&] { ++woken; });
  }
  service.limits.close({.outcome = Outcome::shutdown, .reason = "closing"});
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(service.limits.look(one, service.now).error().outcome, Outcome::shutdown);
  EXPECT_EQ(service.limits.look(two, service.now).error().outcome, Outcome::shutdown);
  EXPECT_EQ(service.refusal().outcome, Outcome::shutdown);
  service.leave();
  EXPECT_EQ(service.limits.in_flight(), 0);
}

TEST(LimitQueue, AReloadThatRaisesTheLimitReachesThoseWhoWait) {
  Service service({.inflight = 1, .queue = 10});
  EXPECT_TRUE(service.enters());
  const Ticket one = service.waits(), two = service.waits();
  service.settings.inflight = 3;
  const Ticket three = service.waits();
  EXPECT_TRUE(service.in(one)) << "the next call brings the news";
  EXPECT_TRUE(service.in(two));
  EXPECT_FALSE(service.in(three));
}

TEST(LimitQueue, AReloadThatTakesTheQueueAwayLetsThoseInItWait) {
  Service service({.inflight = 1, .queue = 10});
  EXPECT_TRUE(service.enters());
  const Ticket one = service.waits();
  service.settings.queue = 0;
  EXPECT_EQ(service.refusal().reason, "inflight");
  service.leave();
  EXPECT_TRUE(service.in(one));
}

TEST(LimitQueue, WhatMattersMoreGoesFirstAndIntoPlacesThatAreKeptForIt) {
  Service service({.inflight = 10, .queue = 10});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(service.ask(1s, Priority::background).value(), nullptr);
  const Ticket background = service.waits(1s, Priority::background);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(service.ask(1s, Priority::normal).value(), nullptr);
  const Ticket normal = service.waits(1s, Priority::normal);
  EXPECT_EQ(service.ask().value(), nullptr) << "the last place is for this";
  const Ticket critical = service.waits();
  service.leave();
  EXPECT_TRUE(service.in(critical)) << "though it came last";
  EXPECT_FALSE(service.in(normal));
  service.leave();
  EXPECT_FALSE(service.in(normal)) << "nine in flight, and it may be the ninth";
  service.leave();
  EXPECT_TRUE(service.in(normal));
  for (int i = 0; i < 5; ++i) service.leave();
  EXPECT_TRUE(service.in(background));
}

TEST(LimitQueue, OneThatWasOvertakenIsNotToldToLookAtATimeThatIsOver) {
  Service service({.inflight = 2, .queue = 10, .rate = 10, .burst = 1});
  EXPECT_TRUE(service.enters());
  service.leave();
  const Ticket background = service.waits(1s, Priority::background);
  const auto due = service.limits.look(background, service.now);
  ASSERT_TRUE(due && *due);
  EXPECT_EQ(**due, start + 100ms);
  const Ticket critical = service.waits();
  const auto expect_later = [&](std::string_view while_it) {
    const auto next = service.limits.look(background, service.now);
    ASSERT_TRUE(next && *next) << while_it;
    EXPECT_GT(**next, service.now) << while_it;
  };
  service.now = start + 99ms;
  expect_later("is behind the other");
  service.now = start + 100ms;
  EXPECT_TRUE(service.in(critical));
  service.now = start + 300ms;
  expect_later("is the first, and its half of the places is in use");
  service.leave();
  EXPECT_TRUE(service.in(background));
}

TEST(LimitQueue, OneThatWasOvertakenTakesNothingOfARateThatOthersUsedUp) {
  Service service({.inflight = 0, .queue = 10, .rate = 10, .burst = 1});
  EXPECT_TRUE(service.enters());
  std::vector<Ticket> waiting = {service.waits(2s, Priority::background)};
  ASSERT_TRUE(service.limits.look(waiting.front(), service.now));
  for (int i = 0; i < 4; ++i) waiting.push_back(service.waits(2s));
  int in = 1;
  for (; service.now < start + 400ms; service.now += 1ms)
    std::erase_if(waiting, [&](const Ticket& one) { return service.in(one) && ++in > 0; });
  EXPECT_EQ(in, 4) << "before the fourth tenth of a second";
  std::erase_if(waiting, [&](const Ticket& one) { return service.in(one) && ++in > 0; });
  EXPECT_EQ(in, 5);
  EXPECT_EQ(waiting.size(), 1u);
}

TEST(LimitQueue, AShareThatIsUsedUpSaysWhoseItIs) {
  Service service({.inflight = 10});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(service.enters());
  EXPECT_EQ(service.refusal(1s, Priority::background).message,
            "5 calls of this service are in flight, as many as limits.inflight = 10 allows "
            "limits.priority = \"background\"; raise it, or make fewer calls at once");
}

/// Each of many threads calls and waits as a blocking call does.
TEST(LimitQueue, InACrowdKeepsTheLimitLosesNobodyAndEndsEmpty) {
  constexpr std::int64_t places = 3;
  constexpr int threads = 16, calls = 2'000;
  Limits limits;
  const LimitSettings settings{.inflight = places, .queue = threads};
  std::atomic<std::int64_t> inside{0}, most{0}, entered{0}, waited{0};
  const auto call = [&] {
    auto ticket = limits.enter(settings, no_deadline, start).value();
    if (ticket) ++waited;
    while (ticket && limits.look(ticket, start).value()) {
      const auto woken = std::make_shared<std::atomic<std::uint32_t>>(0);
      limits.await(*ticket, [woken] {
        *woken = 1;
        base::futex_wake_all(*woken);
      });
      while (*woken == 0) base::futex_wait_until(*woken, 0, no_deadline);
    }
    const std::int64_t now = ++inside;
    for (std::int64_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    ++entered;
    std::this_thread::yield();
    --inside;
    if (limits.leave()) limits.serve(start);
  };
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t)
    crowd.emplace_back([&] {
      for (int i = 0; i < calls; ++i) call();
    });
  for (std::thread& thread : crowd) thread.join();
  EXPECT_LE(most, places);
  EXPECT_EQ(entered, threads * calls) << "the queue has room for all, so nobody is refused";
  EXPECT_GT(waited, 0);
  EXPECT_EQ(limits.in_flight(), 0);
  EXPECT_EQ(limits.waiting(), 0);
}

}  // namespace
}  // namespace callerapi::policy
