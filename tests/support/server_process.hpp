#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace callerapi::support {

/// A loopback HTTP server in a process of its own, so that it has descriptors and memory of its
/// own: for tests that count or use up those of the client. One thread, requests without bodies,
/// the answer is 200 "ok". Ends with the object, or with the test.
class ServerProcess {
 public:
  static constexpr std::uint32_t connections_max = 60'000;

  ServerProcess();
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// While on, requests are read and not answered.
  void hold(bool on);
  /// Requests that wait for that.
  std::uint32_t held() const;
  std::uint32_t accepted() const, open() const;
  /// How many connections have carried so many requests.
  std::uint32_t connections_used(std::uint32_t times) const;

 private:
  struct Shared;
  Shared* shared_ = nullptr;
  pid_t child_ = -1;
  int port_ = 0;
};

}  // namespace callerapi::support
