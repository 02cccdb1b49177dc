#include "support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace callerapi::support {
namespace {

struct Connection {
  int number = 0;
  std::string input;
};

std::size_t content_length(const std::string& head) {
  for (const char* name : {"Content-Length: ", "content-length: "})
    if (const auto at = head.find(name); at != std::string::npos)
      return std::stoul(head.substr(at + 16));
  return 0;
}

/// Takes one whole request from the front of `input`; false when it is not there yet.
bool take_request(std::string& input, SeenRequest& out) {
  const auto end = input.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  out.head = input.substr(0, end + 2);
  std::size_t used = end + 4;
  if (out.head.find("Transfer-Encoding: chunked") != std::string::npos) {
    for (;;) {
      const auto line = input.find("\r\n", used);
      if (line == std::string::npos) return false;
      const std::size_t size = std::stoul(input.substr(used, line - used), nullptr, 16);
      if (input.size() < line + 2 + size + 2) return false;
      out.body += input.substr(line + 2, size);
      used = line + 2 + size + 2;
      if (size == 0) break;
    }
  } else {
    const std::size_t length = content_length(out.head);
    if (input.size() < used + length) return false;
    out.body = input.substr(used, length);
    used += length;
  }
  const auto space = out.head.find(' ');
  out.method = out.head.substr(0, space);
  out.target = out.head.substr(space + 1, out.head.find(' ', space + 1) - space - 1);
  input.erase(0, used);
  return true;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

int listen_at_port(int& listener) {
  listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener, 1024);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void listen_at_path(int& listener, const std::string& path) {
  listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listener, 1024);
}

}  // namespace

struct ScriptedServer::State {
  Answer answer;
  int listener = -1, event = -1, port = 0;
  mutable std::mutex mutex;
  bool stopping = false, dropping = false;  // protected by mutex, like what follows
  int accepted = 0;
  std::vector<SeenRequest> seen;
  std::map<int, Connection> open;  // the thread's own
  std::atomic<int> open_count{0};
  std::thread thread;

  void close_one(int fd, bool reset) {
    if (reset) {
      const linger now{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    ::close(fd);
    open.erase(fd);
    open_count = static_cast<int>(open.size());
  }

  void accept_one() {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::lock_guard lock(mutex);
    open[fd] = {++accepted, {}};
    open_count = static_cast<int>(open.size());
  }

  void serve(int fd) {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n <= 0) return close_one(fd, false);
    Connection& connection = open[fd];
    connection.input.append(buffer, static_cast<std::size_t>(n));
    SeenRequest request;
    while (take_request(connection.input, request)) {
      request.connection = connection.number;
      const Script script = answer(request);
      {
        std::lock_guard lock(mutex);
        seen.push_back(std::exchange(request, {}));
      }
      if (script.piecewise) {
        for (const char c : script.bytes) send_all(fd, {&c, 1});
      } else {
        send_all(fd, script.bytes);
      }
      if (script.close || script.reset) return close_one(fd, script.reset);
    }
  }

  /// False: told to stop.
  bool obey() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event, &count, sizeof count);
    std::lock_guard lock(mutex);
    if (std::exchange(dropping, false))
      while (!open.empty()) close_one(open.begin()->first, false);
    return !stopping;
  }

  void run() {
    for (;;) {
      std::vector<pollfd> entries{{event, POLLIN, 0}, {listener, POLLIN, 0}};
      for (const auto& [fd, connection] : open) entries.push_back({fd, POLLIN, 0});
      ::poll(entries.data(), entries.size(), -1);
      if (entries[0].revents != 0 && !obey()) break;
      if (entries[1].revents != 0) accept_one();
      for (std::size_t i = 2; i < entries.size(); ++i)
        if (entries[i].revents != 0 && open.contains(entries[i].fd)) serve(entries[i].fd);
    }
    while (!open.empty()) close_one(open.begin()->first, false);
  }

  void tell() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof one);
  }
};

ScriptedServer::ScriptedServer(Answer answer, const std::string& unix_path)
    : state_(std::make_unique<State>()) {
  state_->answer = std::move(answer);
  state_->event = ::eventfd(0, EFD_CLOEXEC);
  if (unix_path.empty()) {
    state_->port = listen_at_port(state_->listener);
  } else {
    listen_at_path(state_->listener, unix_path);
  }
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

ScriptedServer::~ScriptedServer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->tell();
  state_->thread.join();
  ::close(state_->listener);
  ::close(state_->event);
}

int ScriptedServer::port() const noexcept { return state_->port; }

int ScriptedServer::connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->accepted;
}

int ScriptedServer::connections_open() const { return state_->open_count; }

std::vector<SeenRequest> ScriptedServer::requests() const {
  std::lock_guard lock(state_->mutex);
  return state_->seen;
}

void ScriptedServer::forget_requests() {
  std::lock_guard lock(state_->mutex);
  state_->seen.clear();
}

void ScriptedServer::drop_connections() {
  {
    std::lock_guard lock(state_->mutex);
    state_->dropping = true;
  }
  state_->tell();
}

std::string status(int code, std::string_view body, std::string_view extra) {
  return "HTTP/1.1 " + std::to_string(code) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(extra) +
         "\r\n" + std::string(body);
}

std::string ok(std::string_view body, std::string_view extra) { return status(200, body, extra); }

}  // namespace callerapi::support
