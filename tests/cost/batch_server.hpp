#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace callerapi::cost {

/// A loopback server in a process of its own that answers when so many requests have come, and a
/// little later, so that a client never finds an answer before it has begun to wait: what the
/// client then does for one call is always the same. Ends with the object, or with the test. Make
/// it before anything that has threads.
class BatchServer {
 public:
  /// Answers every `batch` requests, each with a body of `body_bytes` after its head.
  BatchServer(std::size_t batch, std::size_t body_bytes);
  ~BatchServer();
  BatchServer(const BatchServer&) = delete;
  BatchServer& operator=(const BatchServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  pid_t child_ = -1;
  int port_ = 0;
};

}  // namespace callerapi::cost
