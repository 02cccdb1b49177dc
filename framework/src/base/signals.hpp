#pragma once

#include <pthread.h>
#include <signal.h>

namespace callerapi::base {

/// Blocks every signal on this thread for as long as it lives, so that a thread begun meanwhile
/// never runs a handler of the host: its own threads do. One thread, one scope.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace callerapi::base
