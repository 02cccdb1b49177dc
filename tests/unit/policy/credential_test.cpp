#include "policy/credential.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start = TimePoint(1h);
constexpr std::uint64_t middle = 50;  // no jitter: 80 % of the lifetime

Error down() { return {.outcome = Outcome::auth_error, .reason = "token", .message = "is down"}; }

/// A source that answers when it is told to.
struct Source {
  int asked = 0;
  std::shared_ptr<Credential> credential =
      std::make_shared<Credential>([this](const std::shared_ptr<Credential>&) { ++asked; });

  void grant(const std::string& token, std::optional<Duration> lifetime, TimePoint now) const {
    credential->settle(Grant{"Bearer " + token, lifetime}, now, middle);
  }
  std::string sent(TimePoint now) const {
    const auto token = credential->current(now);
    return token ? token->authorization : "none";
  }
};

std::string outcome_of(const Credential::Ticket& ticket) {
  if (!ticket.done()) return "waits";
  return ticket.result() ? (*ticket.result())->authorization : ticket.result().error().message;
}

TEST(Credential, OneThatNeverChangesIsSentForEverAndNotAskedForAfterA401) {
  const auto fixed = std::make_shared<Credential>(Grant{"Basic dTpw", std::nullopt});
  const auto token = fixed->current(start + 100h);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->authorization, "Basic dTpw");
  EXPECT_FALSE(fixed->refused(token, start));
  EXPECT_TRUE(fixed->current(start));
}

TEST(Credential, ManyThatWaitAskTheSourceOnceAndAllGetItsAnswer) {
  Source source;
  std::vector<std::shared_ptr<Credential::Ticket>> tickets;
  int woken = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(source.sent(start), "none");
    tickets.push_back(source.credential->await(start, [&] { ++woken; }));
  }
  EXPECT_EQ(source.asked, 1);
  EXPECT_EQ(woken, 0);
  source.grant("a", 1h, start);
  EXPECT_EQ(woken, 100);
  for (const auto& ticket : tickets) EXPECT_EQ(outcome_of(*ticket), "Bearer a");
}

TEST(Credential, OneThatIsThereWakesAtOnce) {
  Source source;
  source.grant("a", 1h, start);
  int woken = 0;
  const auto ticket = source.credential->await(start, [&] { ++woken; });
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(outcome_of(*ticket), "Bearer a");
  EXPECT_EQ(source.asked, 0);
}

TEST(Credential, AtFourFifthsOfItsLifeTheNextIsAskedForOnceWhileItIsStillSent) {
  Source source;
  source.grant("a", 1000s, start);
  EXPECT_EQ(source.sent(start + 799s), "Bearer a");
  EXPECT_EQ(source.asked, 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(source.sent(start + 800s), "Bearer a");
  EXPECT_EQ(source.asked, 1);
  source.grant("b", 1000s, start + 801s);
  EXPECT_EQ(source.sent(start + 802s), "Bearer b");
}

TEST(Credential, TheMomentOfTheRefreshIsSpreadByFivePercentOfTheLife) {
  for (const auto& [random, at] : {std::pair{0ull, 750s}, {100ull, 850s}, {101ull, 750s}}) {
    Source source;
    source.credential->settle(Grant{"Bearer a", 1000s}, start, random);
    (void)source.sent(start + at - 1s);
    EXPECT_EQ(source.asked, 0) << random;
    (void)source.sent(start + at);
    EXPECT_EQ(source.asked, 1) << random;
  }
}

TEST(Credential, InItsLastTenSecondsItIsNotSentAnyMore) {
  Source source;
  source.grant("a", 1000s, start);
  EXPECT_EQ(source.sent(start + 989s), "Bearer a");
  EXPECT_EQ(source.sent(start + 990s), "none");
}

TEST(Credential, AShortLifeIsUsedForFourFifthsOfIt) {
  Source source;
  source.grant("a", 5s, start);
  EXPECT_EQ(source.sent(start + 3999ms), "Bearer a");
  EXPECT_EQ(source.sent(start + 4s), "none");
}

TEST(Credential, WithoutALifetimeItIsSentUntilItIsRefused) {
  Source source;
  source.grant("a", std::nullopt, start);
  EXPECT_EQ(source.sent(start + 100'000h), "Bearer a");
  EXPECT_EQ(source.asked, 0);
}

TEST(Credential, ARefreshThatFailsKeepsWhatIsStillGoodAndIsTriedAgainASecondLater) {
  Source source;
  source.grant("a", 1000s, start);
  (void)source.sent(start + 800s);
  source.credential->settle(down(), start + 800s, middle);
  EXPECT_EQ(source.sent(start + 800s + 999ms), "Bearer a");
  EXPECT_EQ(source.asked, 1);
  EXPECT_EQ(source.sent(start + 801s), "Bearer a");
  EXPECT_EQ(source.asked, 2);
}

TEST(Credential, WithoutAGoodOneThoseWhoWaitGetTheErrorAndTheNextAsksAgain) {
  Source source;
  const auto first = source.credential->await(start, [] {});
  source.credential->settle(down(), start, middle);
  EXPECT_EQ(outcome_of(*first), "is down");
  const auto second = source.credential->await(start, [] {});
  EXPECT_EQ(source.asked, 2);
  source.grant("b", 1h, start);
  EXPECT_EQ(outcome_of(*second), "Bearer b");
}

TEST(Credential, OneGrantedForAMomentStillServesThoseWhoWaitedForIt) {
  Source source;
  const auto ticket = source.credential->await(start, [] {});
  source.grant("a", 1ns, start);
  EXPECT_EQ(outcome_of(*ticket), "Bearer a");
}

/// Semantics S19, test 13, as far as one credential goes.
TEST(S19, N13_AHundredRefusalsOfOneTokenAskForOneOther) {
  Source source;
  source.grant("a", 1h, start);
  const auto used = source.credential->current(start);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(source.credential->refused(used, start + 1s));
  std::vector<std::shared_ptr<Credential::Ticket>> tickets;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(source.sent(start + 1s), "none");
    tickets.push_back(source.credential->await(start + 1s, [] {}));
  }
  EXPECT_EQ(source.asked, 1);
  source.grant("b", 1h, start + 2s);
  for (const auto& ticket : tickets) EXPECT_EQ(outcome_of(*ticket), "Bearer b");
  EXPECT_TRUE(source.credential->refused(used, start + 3s)) << "a late answer: there is another";
  EXPECT_EQ(source.sent(start + 3s), "Bearer b") << "which it says nothing against";
}

TEST(Credential, AReplacementThatIsRefusedTooIsNotReplacedForTenSeconds) {
  Source source;
  source.grant("a", 1h, start);
  EXPECT_TRUE(source.credential->refused(source.credential->current(start), start));
  source.grant("b", 1h, start);
  const auto replacement = source.credential->current(start);
  EXPECT_FALSE(source.credential->refused(replacement, start + 9s));
  EXPECT_EQ(source.sent(start + 9s), "Bearer b");
  EXPECT_TRUE(source.credential->refused(replacement, start + 10s));
  EXPECT_EQ(source.sent(start + 10s), "none");
}

TEST(Credential, WhatASourceHasUnaskedIsSentFromThenOn) {
  Source source;
  source.grant("a", std::nullopt, start);
  source.credential->put(Grant{"Bearer b", std::nullopt}, start, middle);
  EXPECT_EQ(source.sent(start), "Bearer b");
  EXPECT_EQ(source.asked, 0);
}

TEST(Credential, ASourceThatAnswersAtOnceServesTheOneWhoAsked) {
  const auto credential = std::make_shared<Credential>([](const std::shared_ptr<Credential>& asks) {
    asks->settle(Grant{"Bearer a", 1h}, start, middle);
  });
  const auto ticket = credential->await(start, [] {});
  EXPECT_EQ(outcome_of(*ticket), "Bearer a");
}

TEST(Credential, ThreadsThatUseRefuseAndRenewItNeverHaveTwoRequestsUnderWay) {
  std::atomic<int> under_way{0}, most{0}, asked{0};
  const auto credential =
      std::make_shared<Credential>([&](const std::shared_ptr<Credential>& asks) {
        const int now = ++under_way;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        const int number = ++asked;
        --under_way;
        asks->settle(Grant{"Bearer " + std::to_string(number), 1h}, start, middle);
      });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        auto token = credential->current(start);
        if (!token) {
          const auto ticket = credential->await(start, [] {});
          while (!ticket->done()) std::this_thread::yield();
          token = *ticket->result();
        }
        (void)credential->refused(token, start + 1min);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_GT(asked, 1);
}

}  // namespace
}  // namespace callerapi::policy
