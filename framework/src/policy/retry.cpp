#include "policy/retry.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <string>

#include "base/outcomes.hpp"

namespace callerapi::policy {
namespace {

using base::RetryRule;

// An attempt with less time than this cannot come back.
constexpr Duration min_useful = std::chrono::milliseconds(5);
constexpr int transparent_max = 2;
// A peer may name any year; nanoseconds count no more than 292 of them.
constexpr std::chrono::seconds retry_after_max = std::chrono::hours(24) * 365;

Duration up_to(Duration limit, std::uint64_t random) {
  if (limit <= Duration::zero()) return Duration::zero();
  return Duration(static_cast<Duration::rep>(random % static_cast<std::uint64_t>(limit.count())));
}

/// base * 2^(n-1), at most cap, without overflow.
Duration ceiling(Duration base, Duration cap, int n) {
  Duration d = base;
  for (int i = 1; i < n && d < cap; ++i) d *= 2;
  return std::min(d, cap);
}

std::optional<std::int64_t> http_date_ms(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&parts)) * 1000;
}

/// The finer field of services that know this library; below 0: never.
std::optional<Duration> asked_ms(const Response& response, std::string_view field) {
  const auto text = response.headers.get(field);
  if (!text) return std::nullopt;
  std::int64_t ms = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, ms);
  if (error != std::errc() || stop != end) return std::nullopt;
  const std::chrono::milliseconds longest(retry_after_max);
  return ms < 0 ? longest : std::min(std::chrono::milliseconds(ms), longest);
}

bool is_stale_before_a_byte(const Error& error) {
  return error.outcome == Outcome::stale_connection && error.sent == Sent::no;
}

/// Nobody was there, and there is somebody else to ask.
bool belongs_elsewhere(const Attempted& attempt) {
  if (!attempt.error || !attempt.elsewhere || attempt.error->sent != Sent::no) return false;
  return attempt.error->outcome == Outcome::connect_error ||
         attempt.error->outcome == Outcome::connect_timeout;
}

/// The budget is asked before the time, and spent only on what will be made.
bool within_budget(const RetryTerms& terms, bool fits, TimePoint now) {
  if (!terms.budget) return true;
  return fits ? terms.budget->withdraw(terms.budget_terms, now)
              : terms.budget->allows(terms.budget_terms, now);
}

}  // namespace

std::optional<Duration> retry_after(const Response& response, std::int64_t wall_ms,
                                    std::string_view own) {
  if (const auto asked = asked_ms(response, own)) return asked;
  const auto text = response.headers.get("Retry-After");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, seconds);
  if (error == std::errc() && stop == end) {
    if (seconds < 0) return std::nullopt;
    return std::min(std::chrono::seconds(seconds), retry_after_max);
  }
  const auto when = http_date_ms(*text);
  if (!when) return std::nullopt;
  if (const auto date = response.headers.get("Date"))
    if (const auto sent = http_date_ms(*date)) wall_ms = *sent;
  const std::chrono::milliseconds wait(std::max<std::int64_t>(0, *when - wall_ms));
  return std::min<std::chrono::milliseconds>(wait, retry_after_max);
}

Decision RetryState::after(const RetryTerms& terms, const Attempted& attempt, TimePoint now,
                           std::uint64_t random, std::int64_t wall_ms) {
  const auto stop = [](std::string_view why) { return Decision{false, {}, why, false}; };
  const base::StatusRow* status =
      attempt.response ? &base::row_of_status(attempt.response->status) : nullptr;
  RetryRule rule = status ? status->retry : base::row_of(attempt.error->outcome).retry;
  std::optional<Duration> asked;
  if (attempt.response && attempt.response->status >= 400) {
    asked = retry_after(*attempt.response, wall_ms, terms.retry_after_field);
    if (attempt.response->status == 503 && asked) rule = RetryRule::throttle;
  }
  const bool free = rule == RetryRule::fresh ||
                    (attempt.error && attempt.error->outcome == Outcome::stale_connection);
  if (attempt.error && is_stale_before_a_byte(*attempt.error)) rule = RetryRule::any;
  // A handshake of TLS 1.3 may be refused after the request has left.
  if (attempt.error && attempt.error->sent != Sent::no && rule == RetryRule::any)
    rule = RetryRule::idempotent;
  const bool refresh = rule == RetryRule::refresh;
  if (rule == RetryRule::never || (refresh && !attempt.renewed)) return stop("class");
  if (rule == RetryRule::optional && !terms.settings.on_500) return stop("class");
  // Who was not let in has done nothing: every endpoint may ask again with another credential.
  if (rule != RetryRule::any && !refresh && !terms.may_repeat) return stop("idempotency");
  if (attempt.source && !attempt.source->rewind()) return stop("body_not_replayable");
  if (attempt.committed) return stop("committed");

  if (refresh && now + min_useful >= terms.deadline) return stop("no_time");
  if (refresh && terms.allowance && !terms.allowance->take()) return stop("allowance");
  if (refresh) return {true, Duration::zero(), {}, true};
  if (free) {
    if (transparent_ >= transparent_max) return stop("attempts");
    if (now + min_useful >= terms.deadline) return stop("no_time");
    // What never reached the service adds nothing to its load.
    const bool reached = attempt.response || attempt.error->sent != Sent::no;
    if (reached && terms.allowance && !terms.allowance->take()) return stop("allowance");
    ++transparent_;
    return {true, Duration::zero(), {}, true};
  }
  const bool in_time = terms.deadline == no_deadline || min_useful < terms.deadline - now;
  if (belongs_elsewhere(attempt) && transparent_ < transparent_max && in_time &&
      within_budget(terms, true, now)) {
    ++transparent_;
    return {true, Duration::zero(), {}, true};
  }
  if (counted_ >= terms.attempts_max) return stop("attempts");
  if (terms.allowance && terms.allowance->left() == 0) return stop("allowance");
  if (asked && *asked > terms.settings.max_retry_after) return stop("retry_after");

  const bool throttled = rule == RetryRule::throttle;
  const Duration base = throttled ? terms.settings.throttle_base : terms.settings.base;
  const Duration cap = throttled ? terms.settings.throttle_cap : terms.settings.cap;
  Duration wait = up_to(ceiling(base, cap, counted_), random);
  if (asked) {
    const Duration spread = std::min<Duration>(*asked / 2, std::chrono::seconds(1));
    wait = std::max(wait, *asked + up_to(spread, random >> 8));
  }
  const bool fits = terms.deadline == no_deadline || wait + min_useful < terms.deadline - now;
  if (!within_budget(terms, fits, now)) return stop("budget");
  if (!fits) return stop("no_time");
  if (terms.allowance && !terms.allowance->take()) return stop("allowance");
  ++counted_;
  return {true, wait, {}, false};
}

}  // namespace callerapi::policy
