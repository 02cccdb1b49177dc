// The record of a call whose policies had a say.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/context.hpp"
#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"
#include "support/two_places.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::echo_caller;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Request once() { return Request{}.max_attempts(1).timeout(20s); }

TEST(PolicyRecord, TellsWhereEachAttemptCouldHaveGoneAndWhatThatWouldHaveCost) {
  const auto busy = [](const SeenRequest&) { return Script{.bytes = support::status(503)}; };
  ScriptedServer one(busy), other(busy);
  Caller caller = echo_caller(one.url(), "instances = [\"" + one.url() + "\", \"" + other.url() +
                                             "\"]\nretry.base = \"1ms\"\n");

  const auto answer = caller.request("echo", "GET", "/", Request{}.timeout(20s));

  ASSERT_TRUE(answer && answer->record);
  const auto& attempts = answer->record->attempts;
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].balance, "p2c_ewma");
  EXPECT_EQ(attempts[0].instances, 2u);
  ASSERT_EQ(attempts[0].candidates.size(), 2u);
  EXPECT_EQ(attempts[0].candidates[0].instance, attempts[0].instance);
  EXPECT_EQ(attempts[0].candidates[0].fate, "chosen");
  EXPECT_EQ(attempts[0].candidates[1].fate, "dearer");
  EXPECT_LE(attempts[0].candidates[0].cost, attempts[0].candidates[1].cost);
  EXPECT_GT(attempts[0].candidates[0].latency, 0ns);
  EXPECT_EQ(attempts[1].candidates[1].fate, "tried");
  EXPECT_GT(attempts[1].began, attempts[0].began);
  EXPECT_EQ(attempts[0].budget_calls, 1u);
  EXPECT_EQ(attempts[0].budget_retries, 1u) << "taken before the pause";
  EXPECT_EQ(attempts[0].budget_allowed, 10u) << "the floor of one a second";
}

TEST(PolicyRecord, ACallThatTheBreakerRefusedTellsItsCount) {
  Caller caller = echo_caller("http://127.0.0.1:1", "breaker.consecutive_failures = 2\n");
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(caller.request("echo", "GET", "/", once()));

  const auto refused = caller.request("echo", "GET", "/", once());

  ASSERT_FALSE(refused);
  const CallRecord& record = *refused.error().record;
  EXPECT_TRUE(record.attempts.empty());
  EXPECT_EQ(record.outcome, Outcome::circuit_open);
  EXPECT_EQ(record.breaker, "open");
  EXPECT_EQ(record.breaker_failed, 2u);
  EXPECT_EQ(record.breaker_total, 2u);
  EXPECT_EQ(record.message, refused.error().message);
}

TEST(PolicyRecord, ACallThatALimitRefusedTellsHowManyWereInFlight) {
  ScriptedServer mute([](const SeenRequest&) { return Script{}; });
  Caller caller = echo_caller(mute.url(), "limits.inflight = 1\n");
  auto holds = caller.start_request("echo", "GET", "/");
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (mute.requests().empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();

  const auto refused = caller.request("echo", "GET", "/", once());

  ASSERT_FALSE(refused);
  const CallRecord& record = *refused.error().record;
  EXPECT_EQ(record.outcome, Outcome::bulkhead_full);
  EXPECT_EQ(record.admission.decision, "refused");
  EXPECT_EQ(record.admission.in_flight, 1);
  EXPECT_EQ(record.admission.in_flight_max, 1);
  holds.cancel();
}

class HedgeRecord : public support::TwoPlaces {
 protected:
  std::shared_ptr<const CallRecord> kept_of(const std::string& call_id) const {
    for (const auto& one : host_->call_log().all())
      if (one->call_id == call_id) return one;
    return nullptr;
  }
};

TEST_F(HedgeRecord, EachOfTwoRequestsTellsWhatItCameTo) {
  std::shared_ptr<const CallRecord> handed;
  // One of two goes to the mute one first. Of the others one may be late as well, and be hedged.
  const auto was_mute = [&] {
    return handed && mute_.url().ends_with(handed->attempts.front().instance);
  };
  for (int i = 0; i < 20 && !was_mute(); ++i) {
    const auto answer = host_->run(get("hard"));
    ASSERT_TRUE(answer) << answer.error().message;
    handed = answer->record;
  }
  ASSERT_TRUE(was_mute());
  EXPECT_EQ(handed->hedge, "sent");
  ASSERT_EQ(handed->attempts.size(), 2u);
  EXPECT_EQ(handed->attempts[0].decision, "running");

  std::shared_ptr<const CallRecord> kept;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!(kept = kept_of(handed->call_id)) && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->attempts.size(), 2u);
  const AttemptRecord &first = kept->attempts[0], &hedge = kept->attempts[1];
  EXPECT_EQ(first.kind, "first");
  EXPECT_EQ(first.outcome, Outcome::hedge_superseded);
  EXPECT_EQ(first.decision, "dropped");
  EXPECT_EQ(hedge.kind, "hedge");
  EXPECT_EQ(hedge.number, 2);
  EXPECT_EQ(hedge.status, 200);
  EXPECT_EQ(hedge.decision, "end");
  EXPECT_NE(hedge.instance, first.instance);
  EXPECT_GT(hedge.time.retry, 0ns) << "the wait for the first answer";
  EXPECT_EQ(hedge.time.total(), kept->time.total());
}

TEST_F(HedgeRecord, ACallThatMayNotBeAskedTwiceTellsWhatForbadeIt) {
  Context context;
  context.allowance = std::make_shared<Allowance>(0);
  std::shared_ptr<const CallRecord> failed;
  for (int i = 0; i < 2 && !failed; ++i) {
    const auto answer = host_->run(get("hard", Request{}.timeout(1s).context(context)));
    if (!answer) failed = answer.error().record;
  }
  ASSERT_TRUE(failed) << "one of the two goes to the mute one";
  EXPECT_EQ(failed->hedge, "allowance");
  EXPECT_EQ(failed->attempts.size(), 1u);
  EXPECT_TRUE(kept_of(failed->call_id));
}

}  // namespace
}  // namespace callerapi
