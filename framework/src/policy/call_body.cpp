// What a call keeps of a request body that can be read only once.
#include <utility>

#include "policy/call_run.hpp"
#include "wire/replay_source.hpp"

namespace callerapi::policy {

/// Where nothing would be sent twice, nothing is kept. A renewed credential sends again what the
/// policies would not.
void CallRun::keep_body() {
  Prepared& call = parts_.prepared;
  const bool repeats = call.may_repeat && call.attempts_max > 1;
  const bool renews = parts_.callee->credential && parts_.callee->credential->renewable() &&
                      !call.headers.contains("Authorization");
  const std::size_t most = call.settings->retry.replay_buffer;
  if (most == 0 || call.source->rewindable() || (!repeats && !renews)) return;
  auto kept = std::make_shared<wire::ReplaySource>(std::move(call.source), most);
  kept_ = kept.get();
  call.source = std::move(kept);
}

/// An answer that goes to its sink is the call's last.
void CallRun::forget_body(const wire::Exchange& exchange) noexcept {
  if (exchange.delivers()) kept_->forget();
}

}  // namespace callerapi::policy
