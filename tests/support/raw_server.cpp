#include "support/raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace callerapi::support {

bool Peer::fill() {
  if (fd_ < 0) return false;
  char piece[16384];
  const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
  if (n <= 0) return false;
  input_.append(piece, static_cast<std::size_t>(n));
  return true;
}

std::string Peer::read_until(std::string_view end) {
  std::size_t at = 0;
  while ((at = input_.find(end)) == std::string::npos)
    if (!fill()) return std::exchange(input_, {});
  std::string taken = input_.substr(0, at + end.size());
  input_.erase(0, taken.size());
  return taken;
}

std::string Peer::read_exactly(std::size_t size) {
  while (input_.size() < size)
    if (!fill()) return std::exchange(input_, {});
  std::string taken = input_.substr(0, size);
  input_.erase(0, size);
  return taken;
}

void Peer::read_to_end() {
  while (fill()) input_.clear();
}

bool Peer::readable(int timeout_ms) {
  if (!input_.empty()) return true;
  pollfd entry{fd_, POLLIN, 0};
  return fd_ >= 0 && ::poll(&entry, 1, timeout_ms) == 1;
}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty() && fd_ >= 0) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Peer::fin() { ::shutdown(fd_, SHUT_WR); }

void Peer::close() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
}

void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd_ = -1;  // the server closes it at once, which sends the reset
}

struct RawServer::State {
  Serve serve;
  int listener = -1, port = 0;
  std::atomic<int> accepted{0};
  std::mutex mutex;
  bool stopping = false;  // protected by mutex, like what follows
  std::set<int> open;
  std::list<std::thread> threads;
  std::thread acceptor;

  void serve_one(int fd, int number) {
    Peer peer(fd, number);
    serve(peer);
    std::lock_guard lock(mutex);
    open.erase(fd);
    ::close(fd);
  }

  void run() {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      std::lock_guard lock(mutex);
      if (stopping) {
        ::close(fd);
        return;
      }
      open.insert(fd);
      threads.emplace_back([this, fd, number = ++accepted] { serve_one(fd, number); });
    }
  }
};

RawServer::RawServer(Serve serve, int backlog, const std::string& at, int port)
    : state_(std::make_unique<State>()) {
  state_->serve = std::move(serve);
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::inet_addr(at.c_str());
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t size = sizeof address;
  // A chosen port may have served another address a moment ago, and rest.
  const int again = 1;
  if (port != 0) ::setsockopt(state_->listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof again);
  if (::bind(state_->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(state_->listener, backlog) != 0)
    throw std::system_error(errno, std::generic_category(), at + ":" + std::to_string(port));
  ::getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size);
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([state = state_.get()] { state->run(); });
}

RawServer::~RawServer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  for (std::thread& thread : state_->threads) thread.join();
  ::close(state_->listener);
}

int RawServer::port() const noexcept { return state_->port; }
int RawServer::accepted() const noexcept { return state_->accepted; }

}  // namespace callerapi::support
