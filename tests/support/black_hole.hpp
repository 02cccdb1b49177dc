#pragma once

#include <string>
#include <vector>

namespace callerapi::support {

/// A loopback address where a connect neither succeeds nor fails: its backlog is full and the
/// kernel drops what comes. Not thread-safe.
class BlackHole {
 public:
  /// `port` 0: any that is free.
  explicit BlackHole(const std::string& address = "127.0.0.1", int port = 0);
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

  int port() const noexcept { return port_; }

 private:
  int listener_ = -1, port_ = 0;
  std::vector<int> fillers_;
};

}  // namespace callerapi::support
