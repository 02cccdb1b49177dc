#include "base/outcomes_reference.hpp"

#include "base/outcomes.hpp"

namespace callerapi::base {
namespace {

void row(std::string& out, std::initializer_list<std::string_view> cells) {
  for (const std::string_view cell : cells) out.append("| ").append(cell).append(" ");
  out += "|\n";
}

}  // namespace

std::string outcomes_reference() {
  std::string out =
      "# Outcomes\n\n"
      "Generated from `framework/include/callerapi/outcomes.inc`; a test fails when they "
      "differ.\n\n"
      "| outcome | meaning | sent | repeated | condition |\n|---|---|---|---|---|\n";
  for (const OutcomeRow& r : outcome_rows()) {
    const std::string code = "`" + std::string(r.name) + "`";
    row(out, {code, r.meaning, name(r.sent), name(r.retry), callerapi::name(r.condition)});
  }
  out +=
      "\n`repeated`: `any` endpoint, or only `idempotent` ones (by method, by declaration, or by "
      "key).\n\n`condition` says what to do: `invalid_request` mend the call; `rejected` (a 4xx) "
      "mend "
      "the request,\nor the right to make it; `failed` (a 5xx, or an answer that is broken) tell "
      "the service's owner; `timeout`\ngive it more time; `unavailable` come back later; "
      "`overloaded` (also a 429 or 503) call less; `cancelled`\nnothing, somebody here asked for "
      "it; `not_configured` mend the registry or the plugin.\n\n## Statuses\n\nA complete response "
      "is no error for a call by name; the first rule "
      "that "
      "holds its status\ndecides whether it is repeated.\n\n"
      "| status | repeated | meaning |\n|---|---|---|\n";
  for (const StatusRow& r : status_rows()) {
    const std::string range = r.first == r.last
                                  ? std::to_string(r.first)
                                  : std::to_string(r.first) + " to " + std::to_string(r.last);
    row(out, {range, name(r.retry), r.meaning});
  }
  return out;
}

}  // namespace callerapi::base
