#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace callerapi::support {

/// One accepted connection, for the function that plays the server on it. Blocking; everything ends
/// when the peer closes or the server is destroyed.
class Peer {
 public:
  Peer(int fd, int number) : fd_(fd), number_(number) {}

  int number() const noexcept { return number_; }  ///< From 1, in order of acceptance.
  int fd() const noexcept { return fd_; }
  /// Everything up to and with `end`; what had come before the peer closed, if it did first.
  std::string read_until(std::string_view end);
  std::string read_exactly(std::size_t size);
  /// Reads and forgets until the peer closes.
  void read_to_end();
  /// Is anything there to be read, or the end? Waits for so long, or (-1) for ever.
  bool readable(int timeout_ms = -1);
  void send(std::string_view bytes);
  void fin();    ///< Ends our direction only.
  void close();  ///< Closes; unread input makes the kernel send a reset.
  void reset();  ///< Closes with a reset.
  bool is_open() const noexcept { return fd_ >= 0; }

 private:
  bool fill();
  int fd_;
  int number_;
  std::string input_;
};

/// A loopback server on which a test plays any peer: `serve` runs on a thread of its own for each
/// connection, which is closed when it returns. Counts nothing by itself.
class RawServer {
 public:
  using Serve = std::function<void(Peer&)>;
  /// Port 0: one that is free.
  explicit RawServer(Serve serve, int backlog = 1024, const std::string& address = "127.0.0.1",
                     int port = 0);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int port() const noexcept;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  int accepted() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::support
