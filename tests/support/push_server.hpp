#pragma once

#include <string>
#include <string_view>

namespace callerapi::support {

/// A loopback server that a test drives step by step on its own thread, for bodies that come as
/// the test wants them. One connection at a time.
class PushServer {
 public:
  PushServer();
  ~PushServer();
  PushServer(const PushServer&) = delete;
  PushServer& operator=(const PushServer&) = delete;

  std::string url() const;
  /// Accepts a connection and reads a request head; it is answered with what follows.
  std::string accept_request();
  /// Reads the next request head on the connection that is there.
  std::string next_request();
  /// False: the peer is gone.
  bool send(std::string_view bytes);
  /// Sends until the peer takes no more for a while; answers how much it took.
  std::size_t send_until_full(std::string_view bytes);
  /// Ends the connection.
  void close();
  /// Has the peer closed its side? Waits for it.
  bool closed_by_peer();

 private:
  int listener_ = -1, fd_ = -1;
  int port_ = 0;
};

}  // namespace callerapi::support
