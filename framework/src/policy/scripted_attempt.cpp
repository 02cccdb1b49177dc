#include <array>
#include <exception>
#include <string>
#include <utility>

#include "callerapi/testing.hpp"
#include "policy/call_run.hpp"
#include "wire/guarded.hpp"

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

/// In the words of a real exchange.
Error broken(std::string reason, const std::string& what) {
  return {.outcome = Outcome::body_source_error,
          .reason = std::move(reason),
          .message = "request body: " + what};
}

Result<std::string> whole_body(const Prepared& call) {
  if (!call.source) return call.body;
  std::string body;
  std::array<char, piece_bytes> piece;
  for (;;) {
    const auto read = call.source->read(piece);
    if (!read) return broken(read.error().reason, read.error().message);
    if (*read > piece.size())
      return broken("body_length", "its source claims more bytes than it was asked for");
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
    if (auto why = wire::refused_by(*call.sink, answer->body))
      return failed({.outcome = Outcome::cancelled,
                     .reason = "sink",
                     .message = std::move(*why),
                     .phase = Phase::body,
                     .sent = Sent::yes});
    answer->body.clear();
  }
  return completed(std::move(*answer));
}

}  // namespace callerapi::policy
