#include "base/thread.hpp"

#include <utility>

#include "base/signals.hpp"

namespace callerapi::base {

Result<std::thread> start_thread(std::function<void()> work) {
  const SignalsBlocked around_the_start;
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& thrown) {
    return no_thread(thrown);
  }
}

Error no_thread(const std::system_error& thrown) {
  return {.outcome = Outcome::resource_exhausted,
          .reason = "threads",
          .message = "no thread could be started: " + thrown.code().message() +
                     "; raise the limit of processes (ulimit -u, or pids.max of the cgroup)"};
}

}  // namespace callerapi::base
