#include "catalogue/keys.hpp"

#include <algorithm>
#include <type_traits>

#include "callerapi/explain.hpp"
#include "callerapi/headers.hpp"
#include "wire/syntax.hpp"

namespace callerapi::catalogue {
namespace {

constexpr std::int64_t ms = 1'000'000, second = 1000 * ms, hour = 3600 * second, day = 24 * hour;
constexpr std::int64_t kib = 1 << 10, mib = 1 << 20, gib = std::int64_t{1} << 30;

using T = policy::Timeouts;
using R = policy::Retry;
using B = policy::BreakerTerms;
using P = pool::Settings;
using L = policy::LimitSettings;
using J = policy::Ejection;
using C = policy::CheckTerms;

/// The settings that a key's field is one of.
template <class Part>
Part& part(Effective& e) {
  if constexpr (std::is_same_v<Part, policy::Settings>) return e.policy;
  if constexpr (std::is_same_v<Part, T>) return e.policy.timeouts;
  if constexpr (std::is_same_v<Part, R>) return e.policy.retry;
  if constexpr (std::is_same_v<Part, policy::BudgetTerms>) return e.policy.budget;
  if constexpr (std::is_same_v<Part, B>) return e.policy.breaker;
  if constexpr (std::is_same_v<Part, J>) return e.policy.ejection;
  if constexpr (std::is_same_v<Part, C>) return e.policy.check;
  if constexpr (std::is_same_v<Part, L>) return e.policy.limits;
  if constexpr (std::is_same_v<Part, P>) return e.pool;
}
template <class Part, class Value>
void put(Effective& e, Value Part::*field, std::int64_t v) {
  part<Part>(e).*field = static_cast<Value>(v);
}
template <auto M>
void set(Effective& e, std::int64_t v) {
  put(e, M, v);
}
void check_path(Effective& e, std::string_view v) { e.policy.check.path = v; }
template <auto M>
void header_name(Effective& e, std::string_view v) {
  e.policy.names.set(M, v);
}
using enum KeyType;

// In the order of policy::Mode.
constexpr std::string_view modes[] = {"off", "dark", "on"};
// In the order of policy::BreakerMode.
constexpr std::string_view breaker_modes[] = {"off", "dark", "on", "forced_open", "forced_closed"};

// In the order of policy::BalancePolicy and policy::EjectionMode.
constexpr std::string_view balance_policies[] = {"p2c_ewma", "round_robin", "least_request",
                                                 "first", "ring_hash"};
// In the order of policy::Priority.
constexpr std::string_view priorities[] = {"critical", "normal", "background"};
// In the order of policy::Adaptive.
constexpr std::string_view adaptive_modes[] = {"off", "gradient2"};
constexpr std::string_view ejection_modes[] = {"off", "dark", "on"};

using N = policy::HeaderNames;
constexpr Key name_of(std::string_view key, std::string_view fallback, std::string_view doc,
                      void (*to)(Effective&, std::string_view)) {
  return {key, text, fallback, 0, 0, false, doc, nullptr, {}, to};
}

constexpr Key table[] = {
    {"timeouts.total", duration, "30s", ms, day, false,
     "From the call to its result, all attempts, waits and retries included.", set<&T::total>},
    {"timeouts.attempt", duration, "", ms, day, false,
     "One attempt, from waiting for a connection to the last byte. Unset: the total for endpoints "
     "that are never retried, else the smaller of 10s and the total.",
     set<&T::attempt>},
    {"timeouts.dns", duration, "2s", 0, hour, true, "Resolving the host name. 0s: off.",
     set<&P::dns>},
    {"timeouts.connect", duration, "2s", 0, hour, true, "Connecting, for each address. 0s: off.",
     set<&P::connect>},
    {"timeouts.tls", duration, "3s", 0, hour, true, "The handshake of TLS. 0s: off.",
     set<&P::handshake>},
    {"timeouts.acquire", duration, "1s", 0, hour, false,
     "Waiting for a connection while all are in use, and before that in limits.queue. 0s: as long "
     "as the attempt, and in the queue as the call.",
     set<&T::acquire>},
    {"timeouts.write_stall", duration, "10s", 0, day, false,
     "No byte of the request could be written. 0s: off.", set<&T::write_stall>},
    {"timeouts.first_byte", duration, "", ms, day, false,
     "From the end of the request to the first byte of the answer. Unset: only the attempt's.",
     set<&T::first_byte>},
    {"timeouts.read_idle", duration, "10s", 0, day, false,
     "No byte arrived while an answer is read. 0s: off.", set<&T::read_idle>},
    {"timeouts.stream_idle", duration, "60s", 0, day, false,
     "No byte arrived of a streamed body while its reader waits; total and attempt end with the "
     "head there. 0s: off.",
     set<&T::stream_idle>},
    {"retry.max_attempts", integer, "2", 1, 5, false,
     "Attempts of one call, the first included. 1: no retry. What needs only another "
     "connection or instance, for nobody listened or it was stale, is not counted.",
     [](Effective& e, std::int64_t v) { e.policy.retry.max_attempts = static_cast<int>(v); }},
    {"retry.base", duration, "50ms", ms, hour, false,
     "Back-off before retry n is random below base x 2^(n-1).", set<&R::base>},
    {"retry.cap", duration, "2s", ms, hour, false, "The longest back-off.", set<&R::cap>},
    {"retry.throttle_base", duration, "1s", ms, hour, false,
     "As base, after an answer that asks to slow down.", set<&R::throttle_base>},
    {"retry.throttle_cap", duration, "20s", ms, hour, false,
     "As cap, after an answer that asks to slow down.", set<&R::throttle_cap>},
    {"retry.max_retry_after", duration, "30s", 0, day, false,
     "A longer Retry-After ends the call instead of being waited for.", set<&R::max_retry_after>},
    {"retry.on_500", boolean, "false", 0, 1, false,
     "Also retry status 500 of endpoints that may be sent twice.",
     [](Effective& e, std::int64_t v) { e.policy.retry.on_500 = v != 0; }},
    {"retry.replay_buffer", size, "64KiB", 0, 64 * mib, false,
     "What is kept of a request body that can be read only once, such as a generator's, so that a "
     "retry can send it again; a longer one is not sent again. 0B: nothing is kept.",
     [](Effective& e, std::int64_t v) {
       e.policy.retry.replay_buffer = static_cast<std::size_t>(v);
     }},
    {"retry.budget_ratio", share, "10%", 0, 1000, true,
     "What retries may add to the first attempts of the last ten seconds.",
     set<&policy::BudgetTerms::ratio_permille>},
    {"retry.budget_min_per_second", integer, "1", 0, 1000, true,
     "Retries a second allowed besides. Both 0: nothing is retried but what needs a new "
     "connection.",
     set<&policy::BudgetTerms::min_per_second>},
    {"breaker.mode", choice, "on", 0, 4, true,
     "on; dark: all but refusing is done; off: nothing is counted; forced_open: every attempt is "
     "refused; forced_closed: none is.",
     [](Effective& e, std::int64_t v) {
       e.policy.breaker.mode = static_cast<policy::BreakerMode>(v);
     },
     breaker_modes},
    {"breaker.window", duration, "", second, hour, true,
     "How far back results count; at least twice timeouts.attempt. Unset: the larger of 30s and "
     "twice the longest timeouts.attempt that is set.",
     set<&B::window>},
    {"breaker.min_calls", integer, "20", 1, 1'000'000, true,
     "With fewer results in the window the ratio does not count.", set<&B::min_calls>},
    {"breaker.failure_ratio", share, "80%", 1, 1000, true,
     "The breaker opens where so many of them have failed.", set<&B::failure_permille>},
    {"breaker.consecutive_failures", integer, "40", 1, 1'000'000, true,
     "It also opens after so many failures in a row.", set<&B::consecutive_failures>},
    {"breaker.open", duration, "5s", 100 * ms, hour, true,
     "How long an open breaker refuses, a fifth more or less; doubled each time it opens again.",
     set<&B::open>},
    {"breaker.open_max", duration, "15s", 100 * ms, hour, true, "The longest of these times.",
     set<&B::open_max>},
    {"breaker.half_open_permits", integer, "5", 1, 100, true,
     "Attempts let through after that time; their results close it or open it again.",
     set<&B::half_open_permits>},
    {"balance.policy", choice, "p2c_ewma", 0, 4, true,
     "Which instance an attempt goes to. p2c_ewma: of two, the one that answers sooner and has "
     "less to do; round_robin: in turn, by weight; least_request: of two, the one with fewer calls "
     "under way; first: in the order written, the next only where the one before is out; "
     "ring_hash: calls with one Request::hash_key to one instance, others as p2c_ewma.",
     [](Effective& e, std::int64_t v) {
       e.policy.balance.policy = static_cast<policy::BalancePolicy>(v);
     },
     balance_policies},
    {"balance.slow_start", duration, "10s", 0, hour, true,
     "How long an instance that was ejected takes from a tenth to its full weight. 0s: none.",
     [](Effective& e, std::int64_t v) { e.policy.balance.slow_start = Duration(v); }},
    {"ejection.mode", choice, "on", 0, 2, true,
     "Leaving instances alone that fail while others do not. off: nothing is counted; dark: all "
     "but leaving them alone is done.",
     [](Effective& e, std::int64_t v) {
       e.policy.ejection.mode = static_cast<policy::EjectionMode>(v);
     },
     ejection_modes},
    {"ejection.consecutive_failures", integer, "5", 1, 1'000'000, true,
     "After so many failures in a row; also where of 50 and more attempts in 10 s 85 % failed and "
     "the other instances are sound.",
     set<&J::consecutive_failures>},
    {"ejection.base", duration, "10s", 100 * ms, hour, true,
     "For how long, times one more each time, up to a second more.", set<&J::base>},
    {"ejection.max", duration, "300s", 100 * ms, day, true, "The longest of these times.",
     set<&J::max>},
    {"ejection.max_percent", integer, "50", 1, 100, true,
     "Of the instances, so many are out at most, one of two and more at least, never the only one.",
     set<&J::max_percent>},
    {"check.path",
     path,
     "off",
     0,
     0,
     true,
     "A GET, behind the path of base_url, that asks each instance whether it is well: any answer "
     "below 400. off: nobody is asked.",
     nullptr,
     {},
     check_path},
    {"check.interval", duration, "5s", second, hour, true, "From one such question to the next.",
     set<&C::interval>},
    {"check.timeout", duration, "2s", 10 * ms, 60 * second, true, "How long an answer may take.",
     set<&C::timeout>},
    {"check.unhealthy_after", integer, "3", 1, 1000, true,
     "After so many failed checks in a row an instance is left alone, within ejection.max_percent.",
     set<&C::unhealthy_after>},
    {"check.healthy_after", integer, "2", 1, 1000, true,
     "After so many good ones it is back at once, whatever it was ejected for.",
     set<&C::healthy_after>},
    {"hedge.max", integer, "0", 0, 1, false,
     "Second requests of one call, sent to another instance when the first answer takes "
     "longer than most; of endpoints that may be sent twice. 0: off.",
     [](Effective& e, std::int64_t v) { e.policy.hedge.max_hedges = static_cast<int>(v); }},
    {"hedge.max_extra", share, "5%", 1, 500, false,
     "Calls that are asked twice at most, and so the share that the wait lets through: the first "
     "answer is waited for as long as all others took.",
     [](Effective& e, std::int64_t v) { e.policy.hedge.max_extra_permille = static_cast<int>(v); }},
    {"context.deadline", choice, "on", 0, 2, false,
     "on: the deadline of a Context bounds the call, and what is left is sent as "
     "Caller-Timeout-Ms; "
     "dark: calls that it would have ended are only counted; off: neither is done.",
     [](Effective& e, std::int64_t v) { e.policy.deadline_mode = static_cast<policy::Mode>(v); },
     modes},
    {"context.attempts_left", boolean, "false", 0, 1, false,
     "Send what is left of a Context's allowance as Caller-Attempts-Left.",
     [](Effective& e, std::int64_t v) { e.policy.attempts_left = v != 0; }},
    {"pool.connections_max", integer, "64", 1, 65535, true, "Connections to one instance.",
     set<&P::connections_max>},
    {"pool.service_connections_max", integer, "", 1, 1'000'000, true,
     "Connections to all instances of the service together. Unset: 512, or pool.connections_max "
     "where that is more.",
     set<&P::service_connections_max>},
    {"pool.queue_max", integer, "1024", 0, 1'000'000, true,
     "Calls that may wait for a connection, beside those that one is being opened for; one more is "
     "answered queue_full.",
     set<&P::queue_max>},
    {"pool.idle", duration, "15s", ms, day, true,
     "How long an unused connection is kept; less than the service keeps it. Where answers carry "
     "Keep-Alive: timeout=N, at most N - 1 seconds.",
     set<&P::idle>},
    {"pool.age", duration, "300s", second, 30 * day, true,
     "How long a connection is used at all, so that DNS changes are seen. Each up to a tenth less "
     "or more, so that they do not end together.",
     set<&P::age>},
    {"request.gzip", boolean, "false", 0, 1, false,
     "Send bodies of 1 KiB and more gzip-coded; the service must take that.",
     [](Effective& e, std::int64_t v) { e.policy.request_gzip = v != 0; }},
    {"request.id", boolean, "false", 0, 1, false,
     "Send an X-Request-Id with each attempt and refuse an answer that names another.",
     [](Effective& e, std::int64_t v) { e.policy.request_id = v != 0; }},
    {"response.min_rate", size, "0B", 0, gib, false,
     "Bytes a second that an answer, once it has begun, must bring in any ten seconds, while its "
     "reader waits for them. 0B: off.",
     set<&policy::Settings::response_min_rate>},
    {"response.bare_lf", boolean, "false", 0, 1, false,
     "Take lines of a head that end without CR; such a connection is not used again.",
     [](Effective& e, std::int64_t v) { e.policy.bare_lf = v != 0; }},
    {"response.obs_fold", boolean, "false", 0, 1, false,
     "Take fields that go on in the next line; such a connection is not used again.",
     [](Effective& e, std::int64_t v) { e.policy.obs_fold = v != 0; }},
    {"limits.inflight", integer, "256", 0, 1'000'000, true,
     "Calls in flight, those that wait for a connection and streams included; one more waits in "
     "limits.queue or is answered bulkhead_full. 0: no limit.",
     set<&L::inflight>},
    {"limits.adaptive", choice, "off", 0, 1, true,
     "gradient2: as many calls in flight as the service answers in its usual time, 8 to "
     "limits.inflight; fewer when its answers take longer, more again when they do not.",
     [](Effective& e, std::int64_t v) {
       e.policy.limits.adaptive = static_cast<policy::Adaptive>(v);
     },
     adaptive_modes},
    {"limits.queue", integer, "0", 0, 1'000'000, true,
     "Calls that may wait for their turn within limits.inflight and limits.rate, each for "
     "timeouts.acquire at most, in the order of arrival. One more, and one that the rate could not "
     "let go in its time, is refused at once.",
     set<&L::queue>},
    {"limits.priority", choice, "critical", 0, 2, false,
     "critical: these calls may take all of limits.inflight; normal: nine tenths; background: "
     "half. "
     "In the queue the more important stand before the others.",
     [](Effective& e, std::int64_t v) {
       e.policy.limits.priority = static_cast<policy::Priority>(v);
     },
     priorities},
    {"limits.rate", integer, "0", 0, 1'000'000, true,
     "Calls that may begin in a second, whatever they take of attempts; more wait in limits.queue "
     "or are answered rate_limited_local. 0: no limit.",
     set<&L::rate>},
    {"limits.burst", integer, "", 1, 1'000'000, true,
     "Calls within the rate that may begin at once. Unset: a tenth of limits.rate, at least 1.",
     set<&L::burst>},
    {"limits.response_body", size, "16MiB", 0, 64 * gib, false,
     "The longest body kept in memory, coded and decoded; with a sink or as a stream: no limit.",
     set<&policy::Settings::response_bytes_max>},
    {"limits.response_head", size, "64KiB", kib, 16 * mib, false,
     "The longest status line and header section.",
     set<&policy::Settings::response_head_bytes_max>},
    name_of("header_names.timeout", "Caller-Timeout-Ms",
            "What the field with the time of an attempt is called in requests to this service.",
            header_name<&N::timeout>),
    name_of("header_names.previous_attempts", "Caller-Previous-Attempts",
            "The same of the number of attempts before.", header_name<&N::previous_attempts>),
    name_of("header_names.attempts_left", "Caller-Attempts-Left",
            "The same of the allowance, see context.attempts_left.",
            header_name<&N::attempts_left>),
    name_of("header_names.call_id", "Caller-Call-Id", "The same of the id of a call.",
            header_name<&N::call_id>),
    name_of("header_names.caller", "Caller-Name", "The same of caller.name.",
            header_name<&N::caller>),
    name_of("header_names.request_id", "X-Request-Id",
            "The same of the id of an attempt, see request.id, and in answers.",
            header_name<&N::request_id>),
    name_of("header_names.idempotency_key", "Idempotency-Key",
            "The same of the key that makes a request one that may be sent twice.",
            header_name<&N::idempotency_key>),
    name_of("header_names.retry_after", "Caller-Retry-After-Ms",
            "What the field with a pause in milliseconds is called in answers.",
            header_name<&N::retry_after>),
    name_of("header_names.deadline_expired", "Caller-Deadline-Expired",
            "What the field of an answer is called that says that the time was over.",
            header_name<&N::deadline_expired>),
};

// What the Python package waited: five minutes in all, three between two bytes.
constexpr PresetValue python[] = {
    {"timeouts.total", "300s"}, {"timeouts.attempt", "300s"}, {"timeouts.read_idle", "180s"}};

// The framework writes these itself; a second one would break the framing.
constexpr std::string_view own_headers[] = {"Host",    "Content-Length", "Transfer-Encoding",
                                            "TE",      "Connection",     "Keep-Alive",
                                            "Trailer", "Upgrade",        "Expect"};

}  // namespace

const Origin* Effective::origin_of(std::string_view key) const noexcept {
  const auto found = std::ranges::find(origins, key, &Origin::key);
  return found == origins.end() ? nullptr : &*found;
}

std::span<const Key> keys() noexcept { return table; }

const Key* find_key(std::string_view wanted) noexcept {
  const auto* found = std::ranges::find(table, wanted, &Key::name);
  return found == std::end(table) ? nullptr : found;
}

bool may_be_set(std::string_view header) noexcept {
  return wire::is_token(header) && std::ranges::none_of(own_headers, [&](std::string_view own) {
           return same_name(own, header);
         });
}

bool is_setting(std::string_view wanted) noexcept {
  if (wanted.starts_with("headers.")) return may_be_set(wanted.substr(8));
  return wanted == "timeouts" || find_key(wanted) != nullptr;
}

std::span<const std::string> key_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Key& key : table) all.emplace_back(key.name);
    return all;
  }();
  return names;
}

std::span<const PresetValue> preset(std::string_view wanted) noexcept {
  if (wanted == "python") return python;
  return {};
}

bool is_secret_header(std::string_view header) noexcept {
  return callerapi::is_secret_header(header);
}

}  // namespace callerapi::catalogue
