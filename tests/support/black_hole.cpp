#include "support/black_hole.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

namespace callerapi::support {

BlackHole::BlackHole(const std::string& address, int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  socklen_t size = sizeof at;
  auto* raw = reinterpret_cast<sockaddr*>(&at);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 0) != 0)
    throw std::runtime_error("black hole: no listener at " + address);
  ::getsockname(listener_, raw, &size);
  port_ = ntohs(at.sin_port);
  // The first connects fill the backlog; the first that stays undecided proves it full.
  for (int tries = 0; tries < 64; ++tries) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fillers_.push_back(fd);
    ::connect(fd, raw, size);
    pollfd entry{fd, POLLOUT, 0};
    if (::poll(&entry, 1, 50) == 0) return;
  }
  throw std::runtime_error("black hole: the backlog never fills");
}

BlackHole::~BlackHole() {
  for (const int fd : fillers_) ::close(fd);
  ::close(listener_);
}

}  // namespace callerapi::support
