#include "policy/retry.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now = TimePoint(1h);
constexpr std::uint64_t random_high = ~0ull >> 1;

/// A body that is gone.
class Spent final : public BodySource {
 public:
  Result<std::size_t> read(std::span<char>) override { return std::size_t{0}; }
  std::optional<std::uint64_t> length() const override { return {}; }
  bool rewind() override { return false; }
} spent;

RetryTerms terms(bool may_repeat = true, int attempts_max = 2) {
  return {.settings = {},
          .attempts_max = attempts_max,
          .may_repeat = may_repeat,
          .deadline = now + 30s};
}

Response answer(int status, std::string retry_after = "") {
  Response response;
  response.status = status;
  if (!retry_after.empty()) response.headers.add("Retry-After", retry_after);
  return response;
}

Decision after(const Response& response, const RetryTerms& with) {
  RetryState state;
  return state.after(with, {.response = &response}, now, random_high, 0);
}

Decision after(Outcome outcome, Sent sent, const RetryTerms& with) {
  Error error{outcome, {}, {}};
  error.sent = sent;
  RetryState state;
  return state.after(with, {.error = &error}, now, random_high, 0);
}

TEST(Retry, WhatMayHaveBeenSentIsRepeatedOnlyIfTheEndpointAllowsIt) {
  EXPECT_TRUE(after(Outcome::connection_reset, Sent::maybe, terms(true)).again);
  EXPECT_EQ(after(Outcome::connection_reset, Sent::maybe, terms(false)).stop_reason, "idempotency");
}

TEST(Retry, ARefusedHandshakeIsRepeatedForEveryEndpointOnlyIfNothingLeft) {
  EXPECT_TRUE(after(Outcome::tls_error, Sent::no, terms(false)).again);
  EXPECT_TRUE(after(Outcome::tls_error, Sent::maybe, terms(true)).again);
  EXPECT_EQ(after(Outcome::tls_error, Sent::maybe, terms(false)).stop_reason, "idempotency");
}

TEST(Retry, WhatNeverLeftIsRepeatedForEveryEndpoint) {
  EXPECT_TRUE(after(Outcome::connect_error, Sent::no, terms(false)).again);
  EXPECT_TRUE(after(Outcome::stale_connection, Sent::no, terms(false)).again);
}

TEST(Retry, A401IsRepeatedAtOnceAndUncountedForEveryEndpointIfThereIsAnotherCredential) {
  const Response refused = answer(401);
  RetryState state;
  Attempted attempt{.response = &refused, .renewed = true};
  const Decision again = state.after(terms(false, 1), attempt, now, random_high, 0);
  EXPECT_TRUE(again.again);
  EXPECT_EQ(again.wait, 0s);
  attempt.renewed = false;
  EXPECT_EQ(state.after(terms(), attempt, now, random_high, 0).stop_reason, "class");
}

TEST(Retry, A401IsNotRepeatedWhenTheBodyOrTheAnswerOrTheTimeIsGone) {
  const Response refused = answer(401);
  const auto stopped = [&](Attempted attempt, TimePoint at = now) {
    attempt.response = &refused;
    attempt.renewed = true;
    RetryState state;
    return state.after(terms(), attempt, at, random_high, 0).stop_reason;
  };
  EXPECT_EQ(stopped({.source = &spent}), "body_not_replayable");
  EXPECT_EQ(stopped({.committed = true}), "committed");
  EXPECT_EQ(stopped({}, now + 30s - 5ms), "no_time");
}

TEST(Retry, AStaleConnectionIsNotCountedAndNotWaitedFor) {
  RetryState state;
  Error stale{Outcome::stale_connection, {}, {}};
  stale.sent = Sent::maybe;
  for (int i = 0; i < 2; ++i) {
    const Decision decision = state.after(terms(true, 1), {.error = &stale}, now, random_high, 0);
    EXPECT_TRUE(decision.again);
    EXPECT_EQ(decision.wait, 0ns);
  }
  EXPECT_FALSE(state.after(terms(true, 1), {.error = &stale}, now, random_high, 0).again);
}

TEST(Retry, AttemptsAreBounded) {
  RetryState state;
  const Response busy = answer(503);
  EXPECT_TRUE(state.after(terms(), {.response = &busy}, now, 0, 0).again);
  EXPECT_EQ(state.after(terms(), {.response = &busy}, now, 0, 0).stop_reason, "attempts");
}

TEST(Retry, AnAskedForPauseIsKeptUnlessItDoesNotFit) {
  EXPECT_GE(after(answer(503, "2"), terms()).wait, 2s);
  EXPECT_EQ(after(answer(503, "20"), terms()).again, true);
  RetryTerms short_of_time = terms();
  short_of_time.deadline = now + 5s;
  EXPECT_EQ(after(answer(503, "20"), short_of_time).stop_reason, "no_time");
  EXPECT_EQ(after(answer(503, "3600"), terms()).stop_reason, "retry_after");
}

TEST(Retry, ADateBeyondTheClockIsAPauseNobodyWaitsFor) {
  // 292 years are all that nanoseconds can count.
  Response far = answer(503, "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(retry_after(far, 0), 365 * 24h);
  EXPECT_EQ(after(far, terms()).stop_reason, "retry_after");
  far.headers.add("Date", "Mon, 01 Jan 1900 00:00:00 GMT");
  EXPECT_EQ(retry_after(far, 0), 365 * 24h);
}

TEST(Retry, BackOffStaysUnderItsCeiling) {
  EXPECT_LT(after(answer(503), terms()).wait, 50ms);
  EXPECT_LT(after(answer(429), terms()).wait, 1s);
}

TEST(Retry, WhereNobodyIsThereAnotherInstanceIsAskedAtOnceAndUncounted) {
  Error refused{Outcome::connect_error, {}, {}};
  refused.sent = Sent::no;
  RetryState state;
  for (int i = 0; i < 2; ++i) {
    const auto next =
        state.after(terms(false, 1), {.error = &refused, .elsewhere = true}, now, 7, 0);
    EXPECT_TRUE(next.again);
    EXPECT_EQ(next.wait, 0ns);
  }
  EXPECT_EQ(
      state.after(terms(false, 1), {.error = &refused, .elsewhere = true}, now, 7, 0).stop_reason,
      "attempts")
      << "twice for a call";
  EXPECT_EQ(RetryState().after(terms(false, 1), {.error = &refused}, now, 7, 0).stop_reason,
            "attempts")
      << "there is only one";
}

TEST(Retry, GoingElsewhereCostsBudget) {
  Error refused{Outcome::connect_timeout, {}, {}};
  refused.sent = Sent::no;
  Budget budget;
  RetryTerms with = terms();
  with.budget = &budget;
  with.budget_terms = {0, 1};
  EXPECT_TRUE(RetryState().after(with, {.error = &refused, .elsewhere = true}, now, 7, 0).again);
  EXPECT_EQ(budget.balance(now).withdrawn, 1u);
}

TEST(Retry, FinalAnswersAreFinal) {
  for (const int status : {200, 301, 400, 401, 404, 409, 422, 500, 501, 505})
    EXPECT_EQ(after(answer(status), terms()).stop_reason, "class") << status;
  for (const int status : {408, 425, 429, 502, 503, 504})
    EXPECT_TRUE(after(answer(status), terms()).again) << status;
}

TEST(Retry, ABodyThatIsGoneOrAnAnswerThatWasDeliveredEndsIt) {
  RetryState state;
  const Response busy = answer(503);
  EXPECT_EQ(state.after(terms(), {.response = &busy, .source = &spent}, now, 0, 0).stop_reason,
            "body_not_replayable");
  EXPECT_EQ(state.after(terms(), {.response = &busy, .committed = true}, now, 0, 0).stop_reason,
            "committed");
}

RetryTerms terms_with(Budget& budget) {
  RetryTerms with = terms();
  with.budget = &budget;
  with.budget_terms = {0, 1};  // ten in a window
  return with;
}

TEST(Retry, TheBudgetIsAskedAfterTheAttemptsAndBeforeTheTime) {
  Budget budget;
  RetryTerms with = terms_with(budget);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(after(answer(503), with).again) << i;
  EXPECT_EQ(after(answer(503), with).stop_reason, "budget");
  EXPECT_EQ(after(answer(404), with).stop_reason, "class");
  with.attempts_max = 1;
  EXPECT_EQ(after(answer(503), with).stop_reason, "attempts");
  with.attempts_max = 2;
  with.deadline = now;
  EXPECT_EQ(after(answer(503), with).stop_reason, "budget");
}

TEST(Retry, ARetryThatIsNotMadeCostsNoBudget) {
  Budget budget;
  RetryTerms with = terms_with(budget);
  with.deadline = now + 1s;
  EXPECT_EQ(after(answer(503, "20"), with).stop_reason, "no_time");
  EXPECT_EQ(after(answer(503, "3600"), with).stop_reason, "retry_after");
  EXPECT_EQ(after(answer(503), terms_with(budget)).again, true);
  EXPECT_EQ(budget.balance(now).withdrawn, 1u);
}

TEST(Retry, StaleConnectionsCostNoBudgetAndFailedConnectsDo) {
  Budget budget;
  const RetryTerms with = terms_with(budget);
  EXPECT_TRUE(after(Outcome::stale_connection, Sent::no, with).again);
  EXPECT_TRUE(after(Outcome::stale_connection, Sent::maybe, with).again);
  EXPECT_EQ(budget.balance(now).withdrawn, 0u);
  EXPECT_TRUE(after(Outcome::connect_error, Sent::no, with).again);
  EXPECT_EQ(budget.balance(now).withdrawn, 1u);
}

TEST(Retry, AnAllowanceIsSharedAndAskedAfterTheAttempts) {
  Allowance one(1);
  RetryTerms with = terms();
  with.allowance = &one;
  const Response busy = answer(503);
  RetryState first, second;
  EXPECT_TRUE(first.after(with, {.response = &busy}, now, 0, 0).again);
  EXPECT_EQ(one.left(), 0);
  EXPECT_EQ(first.after(with, {.response = &busy}, now, 0, 0).stop_reason, "attempts");
  EXPECT_EQ(second.after(with, {.response = &busy}, now, 0, 0).stop_reason, "allowance");
}

TEST(Retry, ARetryThatIsNotMadeTakesNothingOfTheAllowance) {
  Allowance one(1);
  RetryTerms with = terms();
  with.allowance = &one;
  with.deadline = now + 1s;
  EXPECT_EQ(after(answer(503, "20"), with).stop_reason, "no_time");
  EXPECT_EQ(after(answer(503, "3600"), with).stop_reason, "retry_after");
  EXPECT_EQ(one.left(), 1);
}

TEST(Retry, OnlyWhatNeverReachedTheServiceIsRepeatedWithoutTheAllowance) {
  Allowance none(0);
  RetryTerms with = terms();
  with.allowance = &none;
  EXPECT_TRUE(after(Outcome::stale_connection, Sent::no, with).again);
  EXPECT_EQ(after(Outcome::stale_connection, Sent::maybe, with).stop_reason, "allowance");
  EXPECT_EQ(after(answer(421), with).stop_reason, "allowance");
  const Response barred = answer(401);
  EXPECT_EQ(RetryState().after(with, {.response = &barred, .renewed = true}, now, 0, 0).stop_reason,
            "allowance");
  const Error nobody{.outcome = Outcome::connect_error};
  EXPECT_TRUE(RetryState().after(with, {.error = &nobody, .elsewhere = true}, now, 0, 0).again);
}

TEST(RetryAfter, ReadsSecondsAndDatesAgainstTheResponsesOwnClock) {
  EXPECT_EQ(retry_after(answer(503, "7"), 0), 7s);
  Response dated = answer(503, "Sun, 06 Nov 1994 08:49:47 GMT");
  dated.headers.add("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(retry_after(dated, 0), 10s);
  EXPECT_EQ(retry_after(answer(503, "-3"), 0), std::nullopt);
  EXPECT_EQ(retry_after(answer(503, "soon"), 0), std::nullopt);
}

TEST(RetryAfter, TheFieldInMillisecondsGoesFirstAndANegativeOneEndsTheCall) {
  const auto with = [](const char* ms) {
    Response response = answer(503, "7");
    response.headers.add("Caller-Retry-After-Ms", ms);
    return response;
  };
  EXPECT_EQ(retry_after(with("1500"), 0), 1500ms);
  EXPECT_EQ(retry_after(with("soon"), 0), 7s);
  EXPECT_EQ(retry_after(with("9223372036854775807"), 0), 365 * 24h);
  EXPECT_EQ(after(with("-1"), terms()).stop_reason, "retry_after");
}

}  // namespace
}  // namespace callerapi::policy
