#include "wire/socket.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace callerapi::wire {
namespace {

const Address there{"192.0.2.1", 443};

void expect_exhausted(int error, const char* reason, const std::string& message) {
  const Error failure = connect_failure(error, there);
  EXPECT_EQ(failure.outcome, Outcome::resource_exhausted);
  EXPECT_EQ(failure.reason, reason);
  EXPECT_EQ(failure.message, "192.0.2.1:443: " + message);
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
