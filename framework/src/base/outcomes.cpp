#include "base/outcomes.hpp"

#include <array>

#include "callerapi/result.hpp"

namespace callerapi {
namespace base {
namespace {

constexpr OutcomeRow outcomes[] = {
#define CALLERAPI_STATUS_RULE(...)
#define CALLERAPI_OUTCOME(name, sent, retry, breaker, outlier, balance, condition, meaning) \
  {Outcome::name,                                                                           \
   #name,                                                                                   \
   Sent::sent,                                                                              \
   RetryRule::retry,                                                                        \
   Verdict::breaker,                                                                        \
   Verdict::outlier,                                                                        \
   BalanceSample::balance,                                                                  \
   Condition::condition,                                                                    \
   meaning},
#include "callerapi/outcomes.inc"
#undef CALLERAPI_OUTCOME
#undef CALLERAPI_STATUS_RULE
};

constexpr StatusRow statuses[] = {
#define CALLERAPI_OUTCOME(...)
#define CALLERAPI_STATUS_RULE(first, last, retry, breaker, outlier, balance, meaning)          \
  {first,  last, RetryRule::retry, Verdict::breaker, Verdict::outlier, BalanceSample::balance, \
   meaning},
#include "callerapi/outcomes.inc"
#undef CALLERAPI_OUTCOME
#undef CALLERAPI_STATUS_RULE
};

constexpr std::string_view conditions[] = {"ok",         "invalid_request", "rejected",
                                           "failed",     "timeout",         "unavailable",
                                           "overloaded", "cancelled",       "not_configured"};
constexpr std::string_view sents[] = {"no", "maybe", "yes"};
constexpr std::string_view phases[] = {"args",  "queue", "dns",  "connect", "tls",
                                       "write", "wait",  "head", "body",    "decode"};
constexpr std::string_view retries[] = {"never", "any",      "idempotent", "refresh",
                                        "fresh", "throttle", "optional"};
constexpr std::string_view verdicts[] = {"success", "failure", "ignore"};
constexpr std::string_view samples[] = {"none", "latency", "penalty", "elapsed", "cooldown"};

template <std::size_t N, class E>
std::string_view word(const std::string_view (&words)[N], E value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? words[index] : std::string_view("unknown");
}

}  // namespace

std::span<const OutcomeRow> outcome_rows() noexcept { return outcomes; }
std::span<const StatusRow> status_rows() noexcept { return statuses; }

const OutcomeRow& row_of(Outcome outcome) noexcept {
  const auto index = static_cast<std::size_t>(outcome);
  return index < std::size(outcomes) ? outcomes[index]
                                     : outcomes[static_cast<std::size_t>(Outcome::internal)];
}

const StatusRow& row_of_status(int status) noexcept {
  for (const StatusRow& row : statuses)
    if (status >= row.first && status <= row.last) return row;
  return statuses[std::size(statuses) - 1];
}

std::string_view name(RetryRule rule) noexcept { return word(retries, rule); }
std::string_view name(Verdict verdict) noexcept { return word(verdicts, verdict); }
std::string_view name(BalanceSample sample) noexcept { return word(samples, sample); }

}  // namespace base

std::string_view name(Outcome outcome) noexcept { return base::row_of(outcome).name; }
std::string_view name(Condition condition) noexcept {
  return base::word(base::conditions, condition);
}
std::string_view name(Sent sent) noexcept { return base::word(base::sents, sent); }
std::string_view name(Phase phase) noexcept { return base::word(base::phases, phase); }

Condition Error::condition() const noexcept {
  if (outcome != Outcome::http_status) return base::row_of(outcome).condition;
  if (status == 429 || status == 503) return Condition::overloaded;
  return status >= 500 ? Condition::failed : Condition::rejected;
}

CallError::CallError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
CallError::~CallError() = default;

void throw_call_error(Error error) { throw CallError(std::move(error)); }

}  // namespace callerapi
