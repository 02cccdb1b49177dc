#include "wire/socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "wire/reactor.hpp"

namespace callerapi::wire {
namespace {

const Address there{"192.0.2.1", 443};

void expect_exhausted(int error, const char* reason, const std::string& message) {
  const Error failure = connect_failure(error, there);
  EXPECT_EQ(failure.outcome, Outcome::resource_exhausted);
  EXPECT_EQ(failure.reason, reason);
  EXPECT_EQ(failure.message, "192.0.2.1:443: " + message);
}

/// A listener at `address`, whose port is put there; -1: the machine has no such address.
int listen_at(sockaddr* address, socklen_t size) {
  const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::bind(fd, address, size) == 0 && ::listen(fd, 1) == 0 &&
      ::getsockname(fd, address, &size) == 0)
    return fd;
  ::close(fd);
  return -1;
}

void expect_peer(int listener, const Address& at) {
  auto stream = connect_socket(at);
  ASSERT_TRUE(stream) << stream.error().message;
  pollfd entry{(*stream)->fd(), POLLOUT, 0};
  ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
  EXPECT_EQ(peer_text(**stream), to_text(at));
  ::close(listener);
}

TEST(Socket, ThePeerOfAStreamIsToldAsAnAddressIsWritten) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int four = listen_at(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  ASSERT_GE(four, 0);
  expect_peer(four, {"127.0.0.1", ntohs(v4.sin_port)});
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  if (const int six = listen_at(reinterpret_cast<sockaddr*>(&v6), sizeof v6); six >= 0)
    expect_peer(six, {"::1", ntohs(v6.sin6_port)});
}

/// A connection of two ends; the second is closed with it.
struct Pair {
  Pair() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = listen_at(reinterpret_cast<sockaddr*>(&at), sizeof at);
    stream = connect_socket({"127.0.0.1", ntohs(at.sin_port)}).value();
    peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
  }
  ~Pair() { ::close(peer); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  std::unique_ptr<Stream> stream;
  int peer = -1;
};

TEST(Socket, OneReadIsPatientAndNoOther) {
  const base::ManualClock clock;
  const auto loop = Reactor::start(clock).value();
  Pair pair;
  ASSERT_TRUE(pair.stream->be_patient(*loop));
  ASSERT_EQ(::send(pair.peer, "x", 1, MSG_NOSIGNAL), 1);
  char bytes[8];

  const IoResult first = pair.stream->read(bytes, sizeof bytes);
  EXPECT_EQ(first.bytes, 1u);
  EXPECT_EQ(std::exchange(pair.stream->patient_until, {}), clock.now());

  EXPECT_EQ(pair.stream->read(bytes, sizeof bytes).error, EAGAIN);
  EXPECT_EQ(pair.stream->patient_until, TimePoint{}) << "the read after the patient one waited too";
  EXPECT_TRUE(pair.stream->quiet());
}

TEST(Socket, APatientReadThatFindsNothingSaysSo) {
  const base::ManualClock clock;
  const auto loop = Reactor::start(clock).value();
  Pair pair;
  ASSERT_TRUE(pair.stream->be_patient(*loop));
  char bytes[8];

  EXPECT_EQ(pair.stream->read(bytes, sizeof bytes).error, EAGAIN);
  EXPECT_EQ(pair.stream->patient_until, clock.now());
}

TEST(Socket, WhatIsUsedUpIsNamedWithItsLimitAndWhatToDo) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  expect_exhausted(EMFILE, "fds",
                   "no file descriptor is left for a connection; this process may have " +
                       std::to_string(files.rlim_cur) +
                       " (RLIMIT_NOFILE), and connections leave the last " +
                       std::to_string(std::min<rlim_t>(8, files.rlim_cur / 16)) +
                       " of them: raise that limit, or lower pool.connections_max");
  expect_exhausted(
      ENFILE, "fds",
      "no file descriptor is left for a connection in the whole system; raise fs.file-max");
  expect_exhausted(EADDRNOTAVAIL, "ports",
                   "no local port is left for a connection to it, or no local address of its kind; "
                   "let calls share kept connections (pool.connections_max, pool.idle), or widen "
                   "net.ipv4.ip_local_port_range");
  expect_exhausted(ENOMEM, "memory", "the kernel has no memory left for a connection");
}

TEST(Socket, ARefusalIsNoShortage) {
  const Error failure = connect_failure(ECONNREFUSED, there);
  EXPECT_EQ(failure.outcome, Outcome::connect_error);
  EXPECT_EQ(failure.message, "192.0.2.1:443: connection refused");
}

}  // namespace
}  // namespace callerapi::wire
