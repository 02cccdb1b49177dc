#include "policy/call_run.hpp"

#include <algorithm>
#include <utility>

#include "base/spare_text.hpp"
#include "policy/attempt_headers.hpp"
#include "policy/call_times.hpp"
#include "policy/hook_request.hpp"
#include "policy/tracing.hpp"
#include "wire/socket.hpp"

namespace callerapi::policy {

CallRun::CallRun(CallPartsPtr parts)
    : owned_(std::move(parts)), parts_(*owned_), watch_(parts_.prepared.started) {
  const Prepared& call = parts_.prepared;
  if (parts_.avoid) {
    tried_.add(parts_.callee->instances->index_of(*parts_.avoid));
    kind_ = "hedge";
    watch_.enter(&TimeLedger::retry, call.started);
  }
  if (call.source) keep_body();
  if (!parts_.counted) return;
  count(parts_.counters->calls);
  parts_.callee->state->meter.began(parts_.shard);
}

CallRun::~CallRun() { leave_limits(); }

/// Puts the call's name and its numbers around what happened in an attempt.
Error CallRun::placed(Error error) {
  const TimePoint now = loop().now();
  error.attempts = attempts_;
  error.sent = std::max(error.sent, sent_);
  error.time = watch_.stop(now);
  error.message = parts_.prepared.where() + ": " + std::string(name(error.outcome)) + " in " +
                  std::string(name(error.phase)) + " after " +
                  std::to_string(ms(now - parts_.prepared.started)) + " ms (attempt " +
                  std::to_string(attempts_) + ", sent=" + std::string(name(error.sent)) +
                  "): " + error.message;
  return error;
}

CallRun::Begun CallRun::begin_attempt() {
  const Prepared& call = parts_.prepared;
  attempt_began_ = progress_at_ = loop().now();
  watch_.enter(&TimeLedger::local, attempt_began_);
  if (attempt_began_ >= call.deadline) {
    set_result(placed({.outcome = Outcome::deadline_exceeded,
                       .reason = "total",
                       .message = turn_.ticket ? "the deadline passed while waiting for its turn "
                                                 "within limits.inflight and limits.rate"
                                  : ticket_ ? "the deadline passed while waiting for a credential"
                                            : "the deadline passed before the request could be "
                                              "sent",
                       .phase = Phase::queue}));
    return Begun::done;
  }
  if (const Begun turn = enter_limits(); turn != Begun::go) return turn;
  if (const Begun with = authorize(); with != Begun::go) return with;
  attempt_ends_ = std::min(plus(attempt_began_, call.attempt), call.deadline);
  if (!admit()) return Begun::done;
  open_ = true;
  ++attempts_;
  if (call.context.trace) span_ = new_span_id(loop());
  if (!pick()) return Begun::done;
  if (build_head()) {
    head_built_ = parts_.code ? loop().now() : attempt_began_;
    return Begun::go;
  }
  settle({.error = &result_->error()}, loop().now());
  return Begun::done;
}

/// Do the policies of the service let this attempt begin? If not, the result is set. What is given
/// out here comes back in settle(), or in take_result() when the call held it.
bool CallRun::admit() {
  if (!pass_breaker()) return false;
  if (attempts_ == 0 && !parts_.avoid) parts_.callee->state->budget.deposit(attempt_began_);
  return true;
}

/// Runs the hooks on the fields of a request, and adds the credential between them: what
/// on_request() sets is of the call, what sign() sees is what is sent.
Result<void> CallRun::add_credential(Headers& headers) {
  Prepared& call = parts_.prepared;
  std::optional<RequestOfHook> request;
  if (parts_.code) request.emplace(call, headers, attempts_);
  if (request && attempts_ == 1) {
    const std::string& id_field = call.settings->names->request_id;
    const std::string minted(call.headers.contains(id_field) ? std::string_view()
                                                             : headers.get(id_field).value_or(""));
    if (auto hooked = parts_.code->on_request(*request); !hooked) return hooked;
    call.headers = headers;
    // The next attempt has an id of its own, unless the hook gave the call one.
    if (!minted.empty() && call.headers.get(id_field) == minted) call.headers.remove(id_field);
  }
  if (headers.contains("Authorization")) token_ = nullptr;
  if (token_) headers.set("Authorization", token_->authorization);
  return request ? parts_.code->sign(*request) : Result<void>();
}

/// The fields of an attempt go behind those of the call, and from there again, unless one of them
/// would take the place of one of the call's own or a hook changes them.
bool CallRun::build_head() {
  Prepared& call = parts_.prepared;
  const std::size_t own = call.headers.size();
  if (!parts_.code && !call.own_attempt_headers) {
    const bool written = write_head(call.headers);
    call.headers.truncate(own);
    return written;
  }
  Headers headers = call.headers;
  return write_head(headers);
}

bool CallRun::write_head(Headers& headers) {
  const Prepared& call = parts_.prepared;
  set_attempt_headers(headers, call, {attempts_, attempt_began_, attempt_ends_, span_}, loop());
  if (auto hooked = add_credential(headers); !hooked) {
    set_result(placed(std::move(hooked).error()));
    return false;
  }
  if (call.settings->request_id)
    request_id_.assign(headers.get(call.settings->names->request_id).value_or(""));
  decode_ = call.decode && headers.get("Accept-Encoding") == wire::accepted_codings;
  head_ = base::SpareText::take();
  if (auto written = wire::append_head(head_, request_head(headers)); !written) {
    Error error = std::move(written).error();
    error.message = call.where() + ": " + error.message;
    error.sent = std::max(error.sent, sent_);  // by attempts before this one, which is none
    error.attempts = attempts_ - 1;
    set_result(std::move(error));
    return false;
  }
  return true;
}

wire::RequestHead CallRun::request_head(const Headers& headers) const {
  const Prepared& call = parts_.prepared;
  const auto& proxy = origin().settings().proxy;
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
  return head;
}

void CallRun::count_attempt() noexcept {
  auto& attempts = parts_.counters->attempts;
  count(attempts.of(parts_.shard), 1, attempts.writers(parts_.shard));
  if (attempts_ > 1) count(parts_.counters->retries);
}

wire::ExchangeRequest CallRun::request(const pool::Connection& connection, TimePoint now) {
  const Prepared& call = parts_.prepared;
  count_attempt();
  if (call.traced) peer_ = wire::peer_text(*connection.stream);
  wire::ExchangeRequest request;
  request.method = call.method;
  request.head = head_;
  request.body = call.body;
  request.source = call.source.get();
  request.chunked = call.source && !call.source->length();
  request.sink = sink();
  request.stream = call.stream != nullptr;
  request.decode = decode_;
  request.response_bytes_max = call.settings->response_bytes_max;
  request.limits.head_bytes = call.settings->response_head_bytes_max;
  request.limits.bare_lf = call.settings->bare_lf;
  request.limits.obs_fold = call.settings->obs_fold;
  request.request_id = request_id_.view();
  request.request_id_field = call.settings->names->request_id;
  progress_at_ = ready_at_ = now;
  pace_ = {};
  watch_.connected(connection.opening, progress_at_);
  watch_.enter(&TimeLedger::write, progress_at_);
  return request;
}

Result<Response> CallRun::open_stream(wire::Exchange& exchange) {
  watch_.enter(&TimeLedger::read, ready_at_);
  judged_at_ = loop().now();
  watch_.enter(&TimeLedger::local, judged_at_);
  Response head = exchange.take_response();
  settle({.response = &head, .committed = true}, judged_at_);
  const bool sound = look_at(head);
  parts_.code.release();
  if (!sound) return take_result();
  streaming_ = true;
  progress_at_ = loop().now();
  watch_.enter(&TimeLedger::read, progress_at_);
  return head;
}

std::optional<Error> CallRun::close_stream(std::optional<Error> why) {
  if (why) why = placed(why_ended(std::move(*why)));
  leave_limits();
  parts_.counters->end(parts_.shard);
  if (why) {
    count(parts_.counters->failed);
    account(*why);
  } else {
    Response ended;
    ended.status = last_.status;
    ended.time = watch_.stop(loop().now());
    account(ended);
  }
  return why;
}

void CallRun::end(Error error) {
  settle({.error = &error}, loop().now());
  if (!result_) set_result(placed(std::move(error)));
}

Result<Response> CallRun::take_result() {
  parts_.code.release();
  if (!parts_.counted) {
    stop_waiting();
    account_part();
    return std::move(*result_);
  }
  leave_limits();
  parts_.counters->end(parts_.shard);
  if (*result_) {
    account(**result_);
  } else {
    count(parts_.counters->failed);
    account(result_->error());
  }
  return std::move(*result_);
}

}  // namespace callerapi::policy
