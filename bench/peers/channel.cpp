#include "channel.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace callerapi::bench {
namespace {

SSL_CTX* context_of(const Task& task) {
  static SSL_CTX* context = [&] {
    SSL_CTX* made = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
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
  if (::SSL_connect(ssl_) != 1) {
    std::fprintf(stderr, "failed: handshake\n");
    std::exit(2);
  }
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

Channel::~Channel() {
  if (ssl_ != nullptr) ::SSL_free(ssl_);
  ::close(fd_);
}

}  // namespace callerapi::bench
