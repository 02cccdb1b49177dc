#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace callerapi::support {

/// A loopback port that was free a moment ago.
int free_port();

/// A folder that is gone with this object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// A server of somebody else's as a child process: dies with this object, and with this program.
/// Its output goes to `log`. Make it before anything that has threads.
class RealServer {
 public:
  RealServer(std::vector<std::string> command, std::string log);
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  /// Waits, at most 60 s, until something listens at the loopback port. False, and what the server
  /// wrote is printed, when it ended or the time did.
  bool await_port(int port);

 private:
  bool ended();

  const std::string log_;
  pid_t pid_ = -1;
};

}  // namespace callerapi::support
