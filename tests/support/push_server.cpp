#include "support/push_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace callerapi::support {
namespace {

constexpr int patience_ms = 10'000;
constexpr int full_ms = 300;  // a peer that reads at all does so sooner

bool await(int fd, short events, int ms) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, ms) > 0;
}

}  // namespace

PushServer::PushServer() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener_, 16);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

PushServer::~PushServer() {
  close();
  ::close(listener_);
}

std::string PushServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::string PushServer::accept_request() {
  close();
  if (!await(listener_, POLLIN, patience_ms)) return "nobody came";
  fd_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  return next_request();
}

std::string PushServer::next_request() {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char byte = 0;
    if (!await(fd_, POLLIN, patience_ms) || ::recv(fd_, &byte, 1, 0) <= 0) return "no request";
    head += byte;
  }
  return head;
}

bool PushServer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::size_t PushServer::send_until_full(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size() && await(fd_, POLLOUT, full_ms)) {
    const ssize_t n =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void PushServer::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool PushServer::closed_by_peer() {
  char byte = 0;
  return await(fd_, POLLIN, patience_ms) && ::recv(fd_, &byte, 1, 0) <= 0;
}

}  // namespace callerapi::support
