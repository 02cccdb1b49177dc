#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "caller/metrics_text.hpp"
#include "callerapi/plugin.hpp"
#include "support/exposition.hpp"
#include "support/two_places.hpp"

namespace hedge_test {

using namespace callerapi::dsl;

std::atomic<std::uint64_t> requests_seen{0};

struct Hooked {
  static constexpr std::string_view id = "echo", version = "1.0.0", owner = "team-echo";
  using api = endpoints<get<"get", "/echo/{id}", bytes, path<"id">>>;
  void on_request(callerapi::SignRequest&) { ++requests_seen; }
};

}  // namespace hedge_test

namespace callerapi {
namespace {

using Hedge = support::TwoPlaces;

TEST_F(Hedge, AnInstanceThatSaysNothingCostsALittleTimeAndNoCall) {
  const auto before = host_->stats();

  std::vector<Call<Response>> waiting;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(host_->run(get("hard")).value().body, "here");
    waiting.push_back(host_->start(get("hard")));
  }
  for (auto& call : waiting) EXPECT_EQ(std::move(call).get().value().body, "here");

  const auto after = host_->stats();
  EXPECT_GE(after.hedges - before.hedges, 5u);
  EXPECT_EQ(after.calls - before.calls, 20u) << "a second request is no second call";
  EXPECT_EQ(after.calls_failed, 0u);
  const auto seen = support::read_exposition(caller::metrics_text(*host_));
  const auto of = [&](const std::string& what) {
    return seen.value("callerapi_hedge_" + what + "_total{service=\"echo\"}");
  };
  EXPECT_EQ(of("sent"), static_cast<double>(after.hedges));
  EXPECT_GE(of("won"), 5);
  EXPECT_LE(of("won"), of("sent"));
  EXPECT_GE(of("denied"), 0);
}

class HookedHedge : public support::TwoPlaces {
 protected:
  HookedHedge() : TwoPlaces(nullptr, "", &static_plugin<hedge_test::Hooked>) {}
};

TEST_F(HookedHedge, EachOfTwoRequestsIsSeenByTheHookOfRequests) {
  const auto before = host_->stats();
  const std::uint64_t seen = hedge_test::requests_seen;

  for (int i = 0; i < 4; ++i) EXPECT_EQ(host_->run(get("hard")).value().body, "here");

  const auto after = host_->stats();
  EXPECT_GE(after.hedges - before.hedges, 2u);
  EXPECT_EQ(hedge_test::requests_seen - seen, 4u + after.hedges - before.hedges);
}

TEST_F(Hedge, IsNotSentToWhereTheFirstRequestIsWhenTheOtherPlaceIsLeftAlone) {
  const policy::CallPartsPtr parts = get("easy").value();
  const policy::InstanceSet& set = *parts->callee->instances;
  const TimePoint now = clock_->now();
  for (const bool ejected : {true, false}) {
    SCOPED_TRACE(ejected ? "ejected" : "cooling");
    policy::InstanceHealth& good = *set.all()[0]->health;
    policy::Ejector& ejector = parts->callee->state->ejector;
    if (ejected) {
      ejector.keep_out(set.balancer().all(), good, {}, now + std::chrono::hours(1), now);
    } else {
      ejector.let_in(good, now);
      ejector.cool(good, std::chrono::seconds(30), now);
    }
    const auto denied = [&] { return parts->callee->state->hedging.denied.load(); };
    const auto before = denied();
    const auto call = host_->start(get("hard"));
    EXPECT_TRUE(soon([&] { return denied() > before || host_->stats().hedges > 0; }));
    EXPECT_EQ(host_->stats().hedges, 0u);
  }
}

/// Says whose turn it is.
class PlacedHedge : public support::TwoPlaces {
 protected:
  explicit PlacedHedge(const std::string& more) : TwoPlaces(nullptr, more) {}
  /// A call that is never asked twice takes the connection of the place whose turn it is.
  Call<Response> hold() {
    const auto seen = [&] { return good_.requests().size() + mute_.requests().size(); };
    const std::size_t before = seen();
    auto call = host_->start(support::parts_of(
        *host_, "echo", "create", Request{}.body(Body::text("x")).timeout(std::chrono::hours(1))));
    EXPECT_TRUE(soon([&] { return seen() > before; }));
    return call;
  }
  /// The turn passes on, and no hedge takes another.
  void skip() {
    auto call = hold();
    call.cancel();
    EXPECT_FALSE(std::move(call).get());
  }
};

class LimitedHedge : public PlacedHedge {
 protected:
  LimitedHedge() : PlacedHedge("limits.inflight = 1\n") {}
};

TEST_F(LimitedHedge, TheCallKeepsItsPlaceUntilItEndsWhicheverRequestEndsBefore) {
  skip();
  const policy::CallPartsPtr parts = get("easy").value();
  const policy::InstanceHealth& first = *parts->callee->instances->all()[1]->health;
  auto call = host_->start(get("busy"));
  ASSERT_TRUE(soon([&] { return host_->stats().hedges > 0; }));
  ASSERT_EQ(first.in_flight(), 1);
  late_ = true;
  ASSERT_TRUE(soon([&] { return first.in_flight() == 0; }));
  round();
  EXPECT_FALSE(call.done()) << "the second may still be answered";
  const auto refused = host_->run(get("easy"));
  ASSERT_FALSE(refused) << "one is in flight";
  EXPECT_EQ(refused.error().outcome, Outcome::bulkhead_full) << refused.error().message;
  call.cancel();
  EXPECT_FALSE(std::move(call).get());
  const auto after = host_->run(get("easy"));
  EXPECT_TRUE(after) << after.error().message;
}

class DarkHedge : public support::TwoPlaces {
 protected:
  DarkHedge() : TwoPlaces(nullptr, "context.deadline = \"dark\"\n") {}
};

TEST_F(DarkHedge, ADeadlineThatOnlyCountsIsCountedWhereACallMayBeAskedTwice) {
  Context context;
  context.deadline = clock_->now();
  policy::EndpointMeter* meter = nullptr;
  for (const char* id : {"easy", "easy", "hard"}) {
    auto parts = get(id, Request{}.context(context).max_attempts(1)).value();
    meter = parts->callee->state->meter.endpoint("get", "GET", "/echo/{id}").get();
    parts->prepared.meter = meter;
    EXPECT_TRUE(host_->run(std::move(parts)));
  }
  EXPECT_EQ(meter->dark_expiries(), 3u);
}

/// One connection to each place.
class ScarceHedge : public PlacedHedge {
 protected:
  explicit ScarceHedge(const std::string& more = "")
      : PlacedHedge("pool.connections_max = 1\n" + more) {}
  /// The place that answers is held; the turn is that of the other, or of it again.
  Call<Response> hold_good(bool again) {
    auto held = hold();
    if (again) skip();
    return held;
  }
  /// The other request of the call that was started has failed for want of a connection.
  void expect_the_late_answer(Call<Response> call) {
    EXPECT_FALSE(call.done());
    late_ = true;
    const auto result = std::move(call).get();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, "here");
    EXPECT_EQ(result->attempts, 2);
  }
};

class ScarceHedgeWithoutQueue : public ScarceHedge {
 protected:
  ScarceHedgeWithoutQueue() : ScarceHedge("pool.queue_max = 0\n") {}
};

TEST_F(ScarceHedgeWithoutQueue, AHedgeThatNeverLeftEndsNoCallThatIsWell) {
  const auto held = hold_good(false);
  auto call = host_->start(get("late"));
  ASSERT_TRUE(soon([&] { return host_->stats().hedges > 0; }));
  round();
  expect_the_late_answer(std::move(call));
}

class ScarceHedgeInHaste : public ScarceHedge {
 protected:
  ScarceHedgeInHaste()
      : ScarceHedge(
            "timeouts.acquire = \"1s\"\ntimeouts.dns = \"1s\"\n"
            "timeouts.connect = \"1s\"\n") {}
};

TEST_F(ScarceHedgeInHaste, AFirstRequestThatNeverLeftEndsNoCallWhoseHedgeIsWell) {
  const auto held = hold_good(true);
  auto call = host_->start(get("late"));
  ASSERT_TRUE(soon([&] { return host_->stats().hedges > 0; }));
  clock_->advance(std::chrono::seconds(4));
  round();
  expect_the_late_answer(std::move(call));
}

TEST_F(ScarceHedgeInHaste, WhenNeitherLeavesTheFirstOneSaysWhy) {
  const auto held = hold_good(false), other = hold();
  auto call = host_->start(get("easy"));
  ASSERT_TRUE(soon([&] { return host_->stats().hedges > 0; }));
  clock_->advance(std::chrono::seconds(4));
  round();
  const auto result = std::move(call).get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::pool_timeout) << result.error().message;
  EXPECT_EQ(result.error().sent, Sent::no);
}

TEST_F(ScarceHedge, AnErrorSaysHowFarEitherRequestHadCome) {
  const auto held = hold_good(true);
  const std::size_t before = mute_.requests().size();
  auto call = host_->start(get("hard"));  // which waits for the connection that is held
  ASSERT_TRUE(soon([&] { return mute_.requests().size() > before; }));
  call.cancel();
  const auto result = std::move(call).get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::cancelled);
  EXPECT_EQ(result.error().sent, Sent::maybe);
  EXPECT_NE(result.error().message.find("sent=maybe"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace callerapi
