#include "support/server_process.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <new>
#include <string_view>

namespace callerapi::support {

/// Memory of both processes. The child allocates nothing: it is forked from a process with threads.
struct ServerProcess::Shared {
  /// By descriptor of the child.
  struct Connection {
    std::uint32_t number = 0;
    std::uint8_t matched = 0;  ///< How much of the empty line has been read.
    bool held = false;
  };
  std::atomic<bool> hold{false};
  std::atomic<std::uint32_t> held{0}, accepted{0}, open{0};
  std::array<std::atomic<std::uint32_t>, connections_max> served{};
  std::array<Connection, connections_max + 64> connections{};
};

namespace {

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view head_end = "\r\n\r\n";

/// The child: everything it does from fork to its end.
template <class Shared>
class Serving {
 public:
  Serving(Shared& shared, int listener) : shared_(shared), listener_(listener) {}

  [[noreturn]] void run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    add(listener_);
    std::array<epoll_event, 512> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 5);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        fd == listener_ ? accept_all() : read_all(fd);
      }
      if (!shared_.hold && shared_.held > 0) release();
    }
  }

 private:
  void add(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) ::_exit(3);
  }
  auto& at(int fd) { return shared_.connections[static_cast<std::size_t>(fd)]; }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      at(fd) = {};
      at(fd).number = shared_.accepted++;
      if (at(fd).number >= ServerProcess::connections_max) ::_exit(4);
      ++shared_.open;
      highest_ = std::max(highest_, fd);
      add(fd);
    }
  }

  void read_all(int fd) {
    std::array<char, 4096> buffer;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      if (at(fd).held) --shared_.held;
      at(fd).held = false;
      --shared_.open;
      ::close(fd);
      return;
    }
    for (ssize_t i = 0; i < n; ++i) {
      const char c = buffer[static_cast<std::size_t>(i)];
      auto& matched = at(fd).matched;
      matched = c == head_end[matched] ? static_cast<std::uint8_t>(matched + 1)
                                       : static_cast<std::uint8_t>(c == '\r');
      if (matched == head_end.size()) {
        matched = 0;
        requested(fd);
      }
    }
  }

  void requested(int fd) {
    ++shared_.served[at(fd).number];
    if (!shared_.hold) return reply(fd);
    at(fd).held = true;
    ++shared_.held;
  }
  void release() {
    for (int fd = 0; fd <= highest_; ++fd) {
      if (!at(fd).held) continue;
      at(fd).held = false;
      --shared_.held;
      reply(fd);
    }
  }
  static void reply(int fd) {
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  }

  Shared& shared_;
  const int listener_;
  int epoll_ = -1, highest_ = 0;
};

}  // namespace

ServerProcess::ServerProcess() {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  shared_ = new (memory) Shared;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ::bind(listener, generic, size);
  ::listen(listener, 4096);
  ::getsockname(listener, generic, &size);
  port_ = ntohs(address.sin_port);
  child_ = ::fork();
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    Serving(*shared_, listener).run();
  }
  ::close(listener);
}

ServerProcess::~ServerProcess() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ::munmap(shared_, sizeof(Shared));
}

void ServerProcess::hold(bool on) { shared_->hold = on; }
std::uint32_t ServerProcess::held() const { return shared_->held; }
std::uint32_t ServerProcess::accepted() const { return shared_->accepted; }
std::uint32_t ServerProcess::open() const { return shared_->open; }

std::uint32_t ServerProcess::connections_used(std::uint32_t times) const {
  const auto end = shared_->served.begin() + accepted();
  return static_cast<std::uint32_t>(std::count(shared_->served.begin(), end, times));
}

}  // namespace callerapi::support
