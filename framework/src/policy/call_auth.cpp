// What a call does about its credential.
#include <utility>

#include "policy/call_run.hpp"

namespace callerapi::policy {

/// Is what the attempt is sent with there? An Authorization field of the call's own comes first.
CallRun::Begun CallRun::authorize() {
  token_ = nullptr;
  if (!parts_.callee->credential || parts_.prepared.headers.contains("Authorization"))
    return Begun::go;
  if (has_credential()) {
    const auto ticket = std::exchange(ticket_, nullptr);
    if (!ticket->result()) {
      set_result(placed(ticket->result().error()));
      return Begun::done;
    }
    token_ = *ticket->result();
  } else {
    token_ = parts_.callee->credential->current(attempt_began_);
  }
  return token_ ? Begun::go : Begun::wait;
}

void CallRun::await(std::function<void()> wake) {
  watch_.enter(&TimeLedger::queue, loop().now());
  if (turn_.ticket) return parts_.callee->state->limits.await(*turn_.ticket, std::move(wake));
  ticket_ = parts_.callee->credential->await(loop().now(), std::move(wake));
}

/// After a 401, once a call: is there a point in sending it again with another credential?
bool CallRun::renew(int status) {
  if (status != 401 || !token_ || std::exchange(renewed_, true)) return false;
  return parts_.callee->credential->refused(token_, loop().now());
}

}  // namespace callerapi::policy
