#include "channel.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace callerapi::bench {
namespace {

thread_local SSL_SESSION* last_session = nullptr;

SSL_CTX* context_of(const Task& task) {
  static SSL_CTX* context = [&] {
    SSL_CTX* made = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    // TLS 1.3 gives its tickets after the handshake: the last one is for the next connection.
    ::SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(made, [](SSL*, SSL_SESSION* session) {
      if (last_session != nullptr) ::SSL_SESSION_free(last_session);
      last_session = session;
      return 1;
    });
    if (::SSL_CTX_load_verify_locations(made, task.ca_file.c_str(), nullptr) != 1) std::exit(2);
    return made;
  }();
  return context;
}

}  // namespace

Channel::Channel(const Task& task) : fd_(connect_to(task)) {
  if (!task.tls) return;
  ssl_ = ::SSL_new(context_of(task));
  ::SSL_set_fd(ssl_, fd_);
  if (task.reconnect && last_session != nullptr) ::SSL_set_session(ssl_, last_session);
  if (::SSL_connect(ssl_) != 1) {
    std::fprintf(stderr, "failed: handshake\n");
    std::exit(2);
  }
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

Channel::~Channel() {
  if (ssl_ != nullptr) {
    // Or OpenSSL takes it for broken off, and its session for one that must not be resumed.
    ::SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ::SSL_free(ssl_);
  }
  ::close(fd_);
}

}  // namespace callerapi::bench
