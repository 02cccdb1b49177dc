#include <array>
#include <exception>
#include <string>
#include <utility>

#include "callerapi/testing.hpp"
#include "policy/call_run.hpp"

namespace callerapi::policy {
namespace {

// How much of a streamed body is read at a time.
constexpr std::size_t piece_bytes = std::size_t{16} << 10;

/// The fields of a head that was written: what would have gone out is what is seen.
Headers fields_of(std::string_view head) {
  Headers fields;
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.starts_with("\r\n")) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(':');
    fields.add(line.substr(0, colon), line.substr(colon + 2));
    head.remove_prefix(line.size() + 2);
  }
  return fields;
}

Result<std::string> whole_body(const Prepared& call) {
  if (!call.source) return call.body;
  std::string body;
  std::array<char, piece_bytes> piece;
  for (;;) {
    auto read = call.source->read(piece);
    if (!read) return std::move(read).error();
    if (*read == 0) return body;
    body.append(piece.data(), *read);
  }
}

Result<Response> ask(testing::Transport& transport, const testing::SeenRequest& request) {
  try {
    return transport.answer(request);
  } catch (const std::exception& e) {
    return Error{.outcome = Outcome::internal,
                 .reason = "transport",
                 .message = std::string("the testing transport threw: ") + e.what()};
  } catch (...) {
    return Error{.outcome = Outcome::internal,
                 .reason = "transport",
                 .message = "the testing transport threw what is no std::exception"};
  }
}

}  // namespace

bool CallRun::run_scripted() {
  count_attempt();
  const Prepared& call = parts_.prepared;
  auto body = whole_body(call);
  if (!body) return failed(std::move(body).error());
  const std::string endpoint =
      call.endpoint.empty() ? call.method + " " + call.target : std::string(call.endpoint);
  watch_.enter(&TimeLedger::wait, loop().now());
  auto answer =
      ask(*parts_.transport, {std::string(call.service), endpoint, call.method, call.target,
                              fields_of(head_), std::move(*body), attempts_});
  if (!answer) return failed(std::move(answer).error());
  if (call.sink && answer->status < 400) {
    if (!call.sink->write({answer->body.data(), answer->body.size()}))
      return failed({.outcome = Outcome::cancelled,
                     .reason = "sink",
                     .message = "the body sink stopped the call",
                     .phase = Phase::body,
                     .sent = Sent::yes});
    answer->body.clear();
  }
  return completed(std::move(*answer));
}

}  // namespace callerapi::policy
