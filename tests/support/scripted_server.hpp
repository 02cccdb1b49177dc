#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace callerapi::support {

/// What a scripted server saw of one request.
struct SeenRequest {
  std::string method, target, head, body;
  int connection = 0;  ///< Which connection brought it, from 1.
};

/// What it does about it.
struct Script {
  std::string bytes;       ///< Sent as they are; empty: nothing.
  bool close = false;      ///< Then closes the connection,
  bool reset = false;      ///< or resets it.
  bool piecewise = false;  ///< One byte at a time.
};

/// A loopback HTTP server on raw sockets that can misbehave and counts on its side. One thread.
/// Requests are framed by Content-Length or chunked.
class ScriptedServer {
 public:
  using Answer = std::function<Script(const SeenRequest&)>;
  /// At a loopback port, or at a unix socket.
  explicit ScriptedServer(Answer answer, const std::string& unix_path = "");
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const noexcept;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  int connections() const;
  /// How many of them are open now.
  int connections_open() const;
  std::vector<SeenRequest> requests() const;
  /// A long test would fill the memory with them.
  void forget_requests();
  /// Closes every connection that is open now.
  void drop_connections();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "HTTP/1.1 200 OK" with a Content-Length.
std::string ok(std::string_view body, std::string_view extra_fields = "");
std::string status(int code, std::string_view body = "", std::string_view extra_fields = "");

}  // namespace callerapi::support
