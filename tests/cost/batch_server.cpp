#include "cost/batch_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace callerapi::cost {
namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nServer: batch\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
    "Connection: keep-alive\r\n\r\n{\"answer\": true}";
constexpr std::size_t connections_max = 512;
constexpr useconds_t a_little_later = 200;

/// The child, from fork to its end.
class Serving {
 public:
  Serving(int listener, std::size_t batch, std::size_t body_bytes)
      : listener_(listener), batch_(batch), body_bytes_(body_bytes), input_(connections_max) {}

  [[noreturn]] void run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    add(listener_);
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        fd == listener_ ? add(::accept(listener_, nullptr, nullptr)) : take(fd);
      }
      if (complete_.size() >= batch_) answer_all();
    }
  }

 private:
  void add(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (fd < 0 || static_cast<std::size_t>(fd) >= connections_max ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
      ::_exit(3);
  }
  void take(int fd) {
    std::array<char, 8192> buffer;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) return;
    if (n == 0) {
      ::close(fd);
      return;
    }
    std::string& input = input_[static_cast<std::size_t>(fd)];
    input.append(buffer.data(), static_cast<std::size_t>(n));
    const auto head = input.find("\r\n\r\n");
    if (head == std::string::npos || input.size() < head + 4 + body_bytes_) return;
    input.clear();
    complete_.push_back(fd);
  }
  void answer_all() {
    ::usleep(a_little_later);
    for (const int fd : complete_)
      static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
    complete_.clear();
  }

  const int listener_;
  const std::size_t batch_, body_bytes_;
  int epoll_ = -1;
  std::vector<std::string> input_;  ///< By descriptor: of a request that is not complete.
  std::vector<int> complete_;
};

}  // namespace

BatchServer::BatchServer(std::size_t batch, std::size_t body_bytes) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, raw, size) != 0 || ::listen(listener, 512) != 0 ||
      ::getsockname(listener, raw, &size) != 0)
    throw std::runtime_error("no loopback port");
  port_ = ntohs(address.sin_port);
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Serving(listener, batch, body_bytes).run();
  }
  ::close(listener);
}

BatchServer::~BatchServer() {
  if (child_ <= 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

}  // namespace callerapi::cost
