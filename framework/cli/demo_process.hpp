#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "callerapi/result.hpp"

namespace callerapi::cli {

/// One service of the platform as a child process. It ends with this object, and by itself should
/// this program die: it holds one end of a pipe whose other end is ours. One thread.
class ServiceProcess {
 public:
  ServiceProcess(std::string program, std::string data);
  ~ServiceProcess();
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;

  /// Starts it and waits, at most 10 s, until it listens: on the port it had before, if any.
  Result<void> start();
  /// It stays alive and answers nothing.
  void freeze() const;
  /// SIGKILL, and waits for the end.
  void kill_now();
  /// SIGTERM, and waits at most 2 s before it is killed.
  void stop();

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Most memory it ever held, in KiB; 0 when it does not run.
  std::uint64_t memory_peak_kib() const;

 private:
  bool spawn(int input, int output);
  void reap();

  std::string program_, data_;
  pid_t pid_ = -1;
  int input_ = -1;  ///< Our end of its standard input.
  std::uint16_t port_ = 0;
};

/// VmHWM of /proc/PID/status in KiB; `pid` may be "self".
std::uint64_t memory_peak_kib(const std::string& pid);

}  // namespace callerapi::cli
