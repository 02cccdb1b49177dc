// Retry-After and the decision it leads to. Lines: the field, the Date field (may be missing).
#include <chrono>

#include "fuzz/fuzz.hpp"
#include "policy/retry.hpp"
#include "wire/syntax.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace callerapi;
  using namespace callerapi::fuzz;
  using namespace std::chrono_literals;
  Input input(data, size);
  const std::string_view after = wire::trim(input.line());
  const std::string_view date = wire::trim(input.line());
  if (!wire::is_field_value(after) || !wire::is_field_value(date)) return 0;
  Response response;
  response.status = 503;
  response.headers.add("Retry-After", after);
  if (!date.empty()) response.headers.add("Date", date);

  const std::int64_t wall_ms = 1'700'000'000'000;
  const auto wait = policy::retry_after(response, wall_ms);
  must(!wait || (*wait >= 0s && *wait <= 24h * 366), "a pause is no less than 0 and bounded");

  const TimePoint now(1h);
  for (const TimePoint deadline : {now + 30s, no_deadline}) {
    policy::RetryState state;
    const policy::RetryTerms terms{
        .settings = {}, .attempts_max = 3, .may_repeat = true, .deadline = deadline};
    const auto decision = state.after(terms, {.response = &response}, now, ~0ull, wall_ms);
    must(decision.wait >= 0s, "nothing waits a negative time");
    if (!decision.again) continue;
    must(!wait || (decision.wait >= *wait && *wait <= terms.settings.max_retry_after),
         "a pause that was asked for is kept or refused, never cut");
    must(deadline == no_deadline || now + decision.wait < deadline, "a retry fits its deadline");
  }
  return 0;
}
