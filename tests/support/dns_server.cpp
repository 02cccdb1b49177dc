#include "support/dns_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace callerapi::support {
namespace {

constexpr std::size_t head_bytes = 12;
constexpr int type_a = 1, type_cname = 5, type_aaaa = 28, type_srv = 33;

void put16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

std::string labels(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return out + '\0';
}

void put_record(std::string& out, const std::string& name, int type, std::uint32_t ttl,
                const std::string& data) {
  out += name;
  put16(out, static_cast<std::uint32_t>(type));
  put16(out, 1);
  put16(out, ttl >> 16);
  put16(out, ttl);
  put16(out, static_cast<std::uint32_t>(data.size()));
  out += data;
}

std::optional<std::string> bytes_of(const std::string& address, bool v6) {
  std::array<char, 16> raw{};
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), raw.data()) != 1) return {};
  return std::string(raw.data(), v6 ? 16 : 4);
}

}  // namespace

struct DnsServer::State {
  Answer answer;
  int udp = -1, tcp = -1, event = -1;
  std::uint16_t port = 0;
  mutable std::mutex mutex;
  std::vector<DnsQuestion> seen;  // protected by mutex
  bool stopping = false;          // protected by mutex
  std::thread thread;

  /// The answer to one message; empty: none.
  std::string reply(const std::string& message, bool over_tcp) {
    if (message.size() <= head_bytes) return {};
    DnsQuestion question{.name = {}, .v6 = false, .tcp = over_tcp};
    std::size_t at = head_bytes;
    while (at < message.size() && message[at] != 0) {
      const auto size = static_cast<std::size_t>(message[at]);
      question.name += (question.name.empty() ? "" : ".") + message.substr(at + 1, size);
      at += size + 1;
    }
    if (at + 5 > message.size()) return {};
    question.v6 = message[at + 2] == type_aaaa;
    question.srv = message[at + 2] == type_srv;
    const std::string asked = message.substr(head_bytes, at + 5 - head_bytes);
    for (char& c : question.name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    {
      std::lock_guard lock(mutex);
      seen.push_back(question);
    }
    const DnsScript script = answer(question);
    if (script.silent) return {};
    const bool cut = script.truncated && !over_tcp;
    std::string records;
    std::uint32_t count = 0;
    const std::string owner = labels(script.alias.empty() ? question.name : script.alias);
    if (!script.alias.empty() && !cut) {
      put_record(records, labels(question.name), type_cname, script.ttl, owner);
      ++count;
    }
    for (const std::string& address : script.addresses)
      if (const auto data = bytes_of(address, question.v6); data && !cut && !question.srv) {
        put_record(records, owner, question.v6 ? type_aaaa : type_a, script.ttl, *data);
        ++count;
      }
    for (const DnsService& one : script.services)
      if (question.srv && !cut) {
        std::string data;
        for (const std::uint32_t number : {one.priority, one.weight, one.port}) put16(data, number);
        put_record(records, owner, type_srv, script.ttl, data + labels(one.target));
        ++count;
      }
    std::string out = message.substr(0, 2);
    put16(out, 0x8180u | static_cast<std::uint32_t>(script.code) | (cut ? 0x0200u : 0u));
    put16(out, 1);
    put16(out, count);
    put16(out, 0);
    put16(out, 0);
    return out + asked + records;
  }

  void serve_udp() {
    std::array<char, 4096> buffer;
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(udp, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n <= 0) return;
    const std::string out = reply({buffer.data(), static_cast<std::size_t>(n)}, false);
    if (!out.empty())
      ::sendto(udp, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  /// One connection at a time: a client of these tests brings one or two short questions.
  void serve_tcp() {
    const int fd = ::accept4(tcp, nullptr, nullptr, SOCK_CLOEXEC);
    std::string input;
    std::array<char, 4096> buffer;
    for (;;) {
      pollfd entries[] = {{fd, POLLIN, 0}, {event, POLLIN, 0}};
      ::poll(entries, 2, -1);
      if (entries[1].revents != 0) break;
      const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n <= 0) break;
      input.append(buffer.data(), static_cast<std::size_t>(n));
      while (input.size() >= 2) {
        const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(input[0]))
                                       << 8 |
                                   static_cast<unsigned char>(input[1]);
        if (input.size() < 2 + length) break;
        const std::string out = reply(input.substr(2, length), true);
        input.erase(0, 2 + length);
        std::string framed;
        put16(framed, static_cast<std::uint32_t>(out.size()));
        framed += out;
        ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
    ::close(fd);
  }

  void run() {
    for (;;) {
      pollfd entries[] = {{event, POLLIN, 0}, {udp, POLLIN, 0}, {tcp, POLLIN, 0}};
      ::poll(entries, 3, -1);
      {
        std::lock_guard lock(mutex);
        if (stopping) return;
      }
      if (entries[1].revents != 0) serve_udp();
      if (entries[2].revents != 0) serve_tcp();
    }
  }
};

DnsServer::DnsServer(Answer answer) : state_(std::make_unique<State>()) {
  state_->answer = std::move(answer);
  state_->event = ::eventfd(0, EFD_CLOEXEC);
  // A port that is free for UDP may be taken for TCP: look for one that is free for both.
  for (int tries = 0; tries < 50; ++tries) {
    state_->udp = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    state_->tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&at);
    socklen_t size = sizeof at;
    ::bind(state_->udp, raw, size);
    ::getsockname(state_->udp, raw, &size);
    state_->port = ntohs(at.sin_port);
    if (::bind(state_->tcp, raw, size) == 0 && ::listen(state_->tcp, 16) == 0) {
      state_->thread = std::thread([state = state_.get()] { state->run(); });
      return;
    }
    ::close(state_->udp);
    ::close(state_->tcp);
  }
  throw std::runtime_error("dns server: no port is free for both UDP and TCP");
}

DnsServer::~DnsServer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->event, &one, sizeof one);
  state_->thread.join();
  for (const int fd : {state_->udp, state_->tcp, state_->event}) ::close(fd);
}

std::string DnsServer::address() const { return "127.0.0.1:" + std::to_string(state_->port); }

std::vector<DnsQuestion> DnsServer::questions() const {
  std::lock_guard lock(state_->mutex);
  return state_->seen;
}

}  // namespace callerapi::support
