#include "policy/header_table.hpp"

#include "policy/header_names.hpp"

namespace callerapi::policy {
namespace {

void append_table(std::string& page, std::string_view head, std::span<const HeaderRow> rows,
                  bool sent) {
  page += head;
  for (const HeaderRow& row : rows) {
    page.append("| `").append(row.name).append("` | ").append(row.value);
    if (sent) page.append(" | ").append(row.when);
    page += " |\n";
  }
}

}  // namespace

std::span<const HeaderRow> sent_fields() {
  static const HeaderNames& names = HeaderNames::built_in();
  static const HeaderRow rows[] = {
      {"Accept", "`application/json`", "unless `headers.Accept` says otherwise"},
      {"Accept-Encoding", "`gzip, deflate`", "unless the call brings one, or a Range"},
      {"Authorization", "the credential of `[services.X.auth]`", "where there is one"},
      {"baggage", "the keys that were allowed when the inbound request was read",
       "under a Context that has some"},
      {names.attempts_left, "retries that the work may still make",
       "`context.attempts_left`, under a Context with an allowance; replaces one the call brings"},
      {names.call_id, "a UUID, version 7: the same for all attempts of a call", "always"},
      {names.caller, "`caller.name`", "where it is set"},
      {names.previous_attempts, "how many attempts came before this one",
       "from the second on; replaces one the call brings"},
      {names.timeout,
       "what this attempt has, in whole milliseconds, at least 1; never more than the call has "
       "left",
       "unless `context.deadline` is `off`; replaces one the call brings"},
      {"Content-Encoding", "`gzip`", "bodies of 1 KiB and more, with `request.gzip`"},
      {"Content-Type", "of the body", "with a body"},
      {names.idempotency_key, "a quoted UUID, version 7: the same for all attempts of a call",
       "endpoints that declare a key"},
      {"traceparent", "the trace, and a span of its own for each attempt",
       "under a Context that has a trace; with Options::on_span always"},
      {"tracestate", "as it came", "the same"},
      {"User-Agent", "`callerapi/<version> <service>/<version of its plugin>`", "always"},
      {names.request_id, "a UUID, version 7: another for each attempt", "`request.id`"},
  };
  return rows;
}

std::span<const HeaderRow> read_fields() {
  static const HeaderNames& names = HeaderNames::built_in();
  static const HeaderRow rows[] = {
      {names.deadline_expired,
       "`1` with a status of 400 to 599: the service gave up because the time was over", ""},
      {names.retry_after, "as Retry-After, in milliseconds; negative: do not try again", ""},
      {"Content-Encoding", "gzip and deflate are undone, see Accept-Encoding", ""},
      {"Date", "what a Retry-After with a date is measured against", ""},
      {"Keep-Alive", "`timeout=N`: the connection is not used again in the last second of that",
       ""},
      {"Link", "`rel=\"next\"`: where `Pages` goes on", ""},
      {"Retry-After",
       "the pause before a retry; longer than `retry.max_retry_after`: no retry. With 429 and 503 "
       "the instance rests for so long",
       ""},
      {names.request_id, "with `request.id`: an answer that names another is refused", ""},
  };
  return rows;
}

std::span<const HeaderRow> inbound_fields() {
  static constexpr HeaderRow rows[] = {
      {"Caller-Timeout-Ms",
       "whole milliseconds that are left; of this and the next three the "
       "nearest counts",
       ""},
      {"grpc-timeout", "digits and one of `H`, `M`, `S`, `m`, `u`, `n`", ""},
      {"x-envoy-expected-rq-timeout-ms", "whole milliseconds", ""},
      {"Connect-Timeout-Ms", "whole milliseconds", ""},
      {"Caller-Attempts-Left", "retries that this work may still make", ""},
      {"traceparent", "the trace that calls belong to (W3C Trace Context)", ""},
      {"tracestate", "handed on with it", ""},
      {"baggage", "handed on, as far as its keys are allowed", ""},
  };
  return rows;
}

std::string headers_reference() {
  std::string page =
      "# Header fields\n\n"
      "Generated from the tables of fields; a test fails when they differ, and another compares "
      "the "
      "first with\n"
      "what calls send. This is what the engine itself sends and reads, beside the framing of "
      "HTTP/1.1 (Host,\n"
      "Content-Length, Transfer-Encoding). A field that the call brings itself is left as it is, "
      "unless the table\n"
      "says otherwise.\n\n## Sent\n\n";
  append_table(page, "| field | value | when |\n|---|---|---|\n", sent_fields(), true);
  append_table(page, "\n## Read from answers\n\n| field | what it does |\n|---|---|\n",
               read_fields(), false);
  page +=
      "\n## Other names\n\n"
      "A service that knows other names gets them from its registry entry: the nine keys of\n"
      "[`header_names`](registry.md), at every level, name the fields above that begin with "
      "`Caller-`,\n"
      "`X-Request-Id` and `Idempotency-Key`. `[services.billing.header_names]` with `timeout = "
      "\"X-Deadline-Ms\"`\n"
      "sends that instead of `Caller-Timeout-Ms`. What a standard names, such as `traceparent` and "
      "`Retry-After`,\n"
      "has no other name. No two may be called the same, and none as a field of the framing or of "
      "a "
      "credential.\n";
  append_table(page,
               "\n## Read from inbound requests\n\nBy `Context::from_headers`, see [deadlines and "
               "context](../guide/deadlines_and_context.md).\n\n| field | what it says "
               "|\n|---|---|\n",
               inbound_fields(), false);
  return page;
}

}  // namespace callerapi::policy
