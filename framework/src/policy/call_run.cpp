#include "policy/call_run.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "policy/hook_request.hpp"
#include "policy/uuid.hpp"
#include "wire/request_writer.hpp"
#include "wire/socket.hpp"

namespace callerapi::policy {
namespace {

std::int64_t ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

TimePoint plus(TimePoint from, Duration by) {
  return by >= no_deadline - from ? no_deadline : from + by;
}

}  // namespace

CallRun::CallRun(CallParts parts) : parts_(std::move(parts)), watch_(parts_.prepared.started) {
  const Prepared& call = parts_.prepared;
  terms_ = {call.settings.retry, call.attempts_max, call.may_repeat, call.deadline};
  parts_.counters->calls.fetch_add(1, std::memory_order_relaxed);
  parts_.counters->in_flight.fetch_add(1, std::memory_order_relaxed);
}

CallRun::~CallRun() {
  if (parts_.code) parts_.code->release();
}

/// Puts the call's name and its numbers around what happened in an attempt.
Error CallRun::placed(Error error) {
  const TimePoint now = loop().now();
  error.attempts = attempts_;
  error.time = watch_.stop(now);
  error.message = parts_.prepared.where + ": " + std::string(name(error.outcome)) + " in " +
                  std::string(name(error.phase)) + " after " +
                  std::to_string(ms(now - parts_.prepared.started)) + " ms (attempt " +
                  std::to_string(attempts_) + ", sent=" + std::string(name(error.sent)) +
                  "): " + error.message;
  return error;
}

void CallRun::set_result(Result<Response> result) { result_.emplace(std::move(result)); }

bool CallRun::begin_attempt() {
  const Prepared& call = parts_.prepared;
  attempt_began_ = progress_at_ = loop().now();
  watch_.enter(&TimeLedger::local, attempt_began_);
  if (attempt_began_ >= call.deadline) {
    set_result(placed({.outcome = Outcome::deadline_exceeded,
                       .reason = "total",
                       .message = "the deadline passed before the request could be sent",
                       .phase = Phase::queue}));
    return false;
  }
  attempt_ends_ = std::min(plus(attempt_began_, call.attempt), call.deadline);
  ++attempts_;
  return build_head();
}

bool CallRun::build_head() {
  Prepared& call = parts_.prepared;
  Headers headers = call.headers;
  if (attempts_ > 1) headers.set("Caller-Previous-Attempts", std::to_string(attempts_ - 1));
  if (attempt_ends_ != no_deadline)
    headers.set("Caller-Timeout-Ms",
                std::to_string(std::max<std::int64_t>(1, ms(attempt_ends_ - attempt_began_))));
  if (call.settings.request_id && !headers.contains("X-Request-Id"))
    headers.add("X-Request-Id", uuid_v7(loop().wall_ms(), loop().random(), loop().random()));
  if (parts_.code) {
    RequestOfHook request(call, headers, attempts_);
    Result<void> hooked = attempts_ == 1 ? parts_.code->on_request(request) : Result<void>();
    if (hooked && attempts_ == 1) call.headers = headers;
    if (hooked) hooked = parts_.code->sign(request);
    if (!hooked) {
      set_result(placed(std::move(hooked).error()));
      return false;
    }
  }
  if (call.settings.request_id) request_id_ = headers.get("X-Request-Id").value_or("");
  decode_ = call.decode && headers.get("Accept-Encoding") == wire::accepted_codings;
  head_.clear();
  const auto& proxy = parts_.origin->settings().proxy;
  wire::RequestHead head{
      .method = call.method,
      .target = call.target,
      .authority = call.authority,
      .headers = &headers,
      .to_proxy = proxy.has_value(),
      .proxy_authorization = proxy ? std::string_view(proxy->authorization) : std::string_view(),
      .has_body = call.has_body,
      .content_length = {}};
  if (call.has_body) head.content_length = call.source ? call.source->length() : call.body.size();
  if (auto written = wire::append_head(head_, head); !written) {
    Error error = std::move(written).error();
    error.message = call.where + ": " + error.message;
    set_result(std::move(error));
    return false;
  }
  return true;
}

TimePoint CallRun::acquire_deadline() const noexcept {
  const Duration acquire = parts_.prepared.settings.timeouts.acquire;
  // The wait may include opening a connection, which has its own times.
  const Duration open = parts_.origin->open_time();
  return std::min(attempt_ends_,
                  acquire > Duration::zero() ? plus(attempt_began_, acquire + open) : no_deadline);
}

void CallRun::count_attempt() noexcept {
  parts_.counters->attempts.fetch_add(1, std::memory_order_relaxed);
  if (attempts_ > 1) parts_.counters->retries.fetch_add(1, std::memory_order_relaxed);
}

wire::ExchangeRequest CallRun::request(const pool::Connection& connection) {
  const Prepared& call = parts_.prepared;
  count_attempt();
  wire::ExchangeRequest request;
  request.method = call.method;
  request.head = head_;
  request.body = call.body;
  request.source = call.source.get();
  request.chunked = call.source && !call.source->length();
  request.sink = call.sink.get();
  request.stream = call.stream != nullptr;
  request.decode = decode_;
  request.response_bytes_max = call.settings.response_bytes_max;
  request.limits.head_bytes = call.settings.response_head_bytes_max;
  request.limits.bare_lf = call.settings.bare_lf;
  request.limits.obs_fold = call.settings.obs_fold;
  request.request_id = request_id_;
  progress_at_ = ready_at_ = loop().now();
  watch_.connected(connection.opening, progress_at_);
  watch_.enter(&TimeLedger::write, progress_at_);
  return request;
}

void CallRun::note_rest(bool rests) noexcept {
  if (resting_ && !rests) progress_at_ = loop().now();
  resting_ = rests;
}

void CallRun::note_progress(const wire::Exchange& exchange) noexcept {
  progress_at_ = loop().now();
  if (exchange.answered())
    watch_.enter(&TimeLedger::read, ready_at_);
  else if (!exchange.wants_write())
    watch_.enter(&TimeLedger::wait, progress_at_);
}

TimePoint CallRun::next_look(const wire::Exchange& exchange) const noexcept {
  const Timeouts& times = parts_.prepared.settings.timeouts;
  if (streaming_) {
    const bool idles = !resting_ && times.stream_idle > Duration::zero();
    return std::min(parts_.prepared.stream_deadline,
                    idles ? plus(progress_at_, times.stream_idle) : no_deadline);
  }
  Duration stall = exchange.wants_write() ? times.write_stall
                   : exchange.answered()  ? times.read_idle
                                          : times.first_byte.value_or(Duration::zero());
  if (stall <= Duration::zero()) return attempt_ends_;
  return std::min(attempt_ends_, plus(progress_at_, stall));
}

void CallRun::expire(wire::Exchange& exchange) {
  const TimePoint now = ready_at_ = loop().now();
  if (now < next_look(exchange)) return;
  if (streaming_) return expire_stream(exchange, now);
  const Prepared& call = parts_.prepared;
  if (now >= call.deadline)
    return exchange.abort(Outcome::deadline_exceeded, "total",
                          "the deadline of " + std::to_string(ms(call.deadline - call.started)) +
                              " ms passed; raise timeouts.total if the service needs longer");
  if (now >= attempt_ends_)
    return exchange.abort(Outcome::attempt_timeout, "attempt",
                          "no complete answer within " + std::to_string(ms(call.attempt)) +
                              " ms; raise timeouts.attempt if the service needs longer");
  const char* key = exchange.wants_write() ? "write_stall"
                    : exchange.answered()  ? "read_idle"
                                           : "first_byte";
  exchange.abort(Outcome::attempt_timeout, key,
                 std::string("no byte moved for longer than timeouts.") + key);
}

void CallRun::expire_stream(wire::Exchange& exchange, TimePoint now) {
  const Prepared& call = parts_.prepared;
  if (now >= call.stream_deadline)
    return exchange.abort(
        Outcome::deadline_exceeded, "deadline",
        "the caller's deadline passed before the end of the streamed body was read");
  exchange.abort(Outcome::attempt_timeout, "stream_idle",
                 "no byte of the streamed body arrived for longer than timeouts.stream_idle = " +
                     std::to_string(ms(call.settings.timeouts.stream_idle)) + " ms");
}

Error CallRun::acquire_expired() const {
  const Prepared& call = parts_.prepared;
  if (loop().now() >= call.deadline)
    return {.outcome = Outcome::deadline_exceeded,
            .reason = "total",
            .message = "the deadline of " + std::to_string(ms(call.deadline - call.started)) +
                       " ms passed while waiting for a connection",
            .phase = Phase::queue};
  const pool::Settings& pool = parts_.origin->settings();
  return {.outcome = Outcome::pool_timeout,
          .reason = "acquire",
          .message = "no connection to " + wire::to_text({pool.host, pool.port}) +
                     " became free in time; " + std::to_string(pool.connections_max) +
                     " at most (pool.connections_max)",
          .phase = Phase::queue};
}

bool CallRun::judge(Attempted attempt) {
  Prepared& call = parts_.prepared;
  const TimePoint now = loop().now();
  watch_.enter(&TimeLedger::local, now);
  const Decision next = retry_.after(terms_, attempt, now, loop().random(), loop().wall_ms());
  if (!next.again) return false;
  fresh_ = attempt.error ? attempt.error->outcome == Outcome::stale_connection
                         : attempt.response->status == 421;
  if (call.source && !call.source->rewind()) return false;
  retry_at_ = now + next.wait;
  watch_.enter(&TimeLedger::retry, now);
  return true;
}

bool CallRun::finished(wire::Exchange& exchange) {
  if (exchange.answered()) watch_.enter(&TimeLedger::read, ready_at_);
  const bool complete = exchange.advance() == wire::Exchange::State::done;
  if (!complete) return failed(exchange.take_error());
  return completed(exchange.take_response());
}

bool CallRun::completed(Response response) {
  const bool committed = parts_.prepared.sink != nullptr && response.status < 400;
  if (judge({.response = &response, .committed = committed})) return true;
  if (look_at(response)) set_result(std::move(response));
  return false;
}

/// The plugin's last look at a response, and what this side adds to it. False: a hook refused and
/// the result is set.
bool CallRun::look_at(Response& response) {
  if (parts_.code) {
    const HookResponse seen{response.status, response.headers, response.body};
    if (auto hooked = parts_.code->on_response(seen); !hooked) {
      set_result(placed(std::move(hooked).error()));
      return false;
    }
    if (response.status >= 400)
      response.plugin_error = parts_.code->map_error(seen).value_or(std::string());
  }
  response.attempts = attempts_;
  response.generation = parts_.generation;
  const TimePoint now = loop().now();
  response.elapsed = now - parts_.prepared.started;
  response.time = watch_.stop(now);
  return true;
}

Result<Response> CallRun::open_stream(wire::Exchange& exchange) {
  watch_.enter(&TimeLedger::read, ready_at_);
  watch_.enter(&TimeLedger::local, loop().now());
  Response head = exchange.take_response();
  const bool sound = look_at(head);
  if (parts_.code) std::exchange(parts_.code, nullptr)->release();
  if (!sound) return take_result();
  streaming_ = true;
  progress_at_ = loop().now();
  watch_.enter(&TimeLedger::read, progress_at_);
  return head;
}

std::optional<Error> CallRun::close_stream(std::optional<Error> why) {
  if (why) why = placed(why_ended(std::move(*why)));
  parts_.counters->in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (why) parts_.counters->failed.fetch_add(1, std::memory_order_relaxed);
  return why;
}

/// The wait for a connection ended without one: it counts where the opening failed.
void CallRun::charge_failed_opening(Phase phase) noexcept {
  if (watch_.running() != &TimeLedger::queue) return;
  const Stopwatch::Part part = phase == Phase::dns       ? &TimeLedger::dns
                               : phase == Phase::connect ? &TimeLedger::connect
                               : phase == Phase::tls     ? &TimeLedger::tls
                                                         : &TimeLedger::queue;
  watch_.rename(part);
}

/// A connection that was shut down for a reason reports a broken one; how far the request had come
/// is its own to say.
Error CallRun::why_ended(Error error) const {
  auto why = parts_.origin->closed();
  if (!why) return error;
  why->phase = error.phase;
  why->sent = error.sent;
  return std::move(*why);
}

bool CallRun::failed(Error error) {
  charge_failed_opening(error.phase);
  error = why_ended(std::move(error));
  const bool committed = parts_.prepared.sink != nullptr && error.phase == Phase::body;
  if (judge({.error = &error, .committed = committed})) return true;
  set_result(placed(std::move(error)));
  return false;
}

void CallRun::end(Error error) {
  if (!result_) set_result(placed(std::move(error)));
}

Result<Response> CallRun::take_result() {
  if (parts_.code) std::exchange(parts_.code, nullptr)->release();
  parts_.counters->in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (!*result_) parts_.counters->failed.fetch_add(1, std::memory_order_relaxed);
  return std::move(*result_);
}

}  // namespace callerapi::policy
