#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "simulation/loop.hpp"

namespace callerapi::simulation {

class Cable;

/// The service's end of a connection. It hears of bytes and of the end; what it says travels for a
/// while and arrives in order.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void on_bytes(Cable& cable, std::string_view bytes) = 0;
  virtual void on_end(Cable& cable) = 0;
};

/// How an address answers to a connect.
enum class Door : std::uint8_t { open, refuses, swallows };

/// One connection: two directions with a delay each, and two ends that may go at any time.
class Cable : public std::enable_shared_from_this<Cable> {
 public:
  Cable(SimLoop& loop, std::unique_ptr<Peer> peer) : loop_(loop), peer_(std::move(peer)) {}

  // The service's side.
  void send(std::string bytes);
  void close();  ///< FIN, after what was sent.
  void reset();  ///< RST: what has not been read is lost.
  bool ended() const noexcept { return client_gone_ || reset_sent_ || closed_; }
  SimLoop& loop() noexcept { return loop_; }

 private:
  friend class Network;
  friend class ClientEnd;
  void wake();
  void to_client(std::function<void(Cable&)> what);
  void to_peer(std::function<void(Cable&)> what);
  void client_leaves();

  SimLoop& loop_;
  std::unique_ptr<Peer> peer_;
  wire::StreamEvents* watcher_ = nullptr;
  bool connected_ = false, stirred_ = false;
  int connect_error_ = 0;
  std::string arrived_;  ///< For the client to read.
  bool end_arrived_ = false, reset_arrived_ = false;
  bool client_gone_ = false, shut_ = false, closed_ = false, reset_sent_ = false;
  bool blocked_ = false;  ///< The client was told EAGAIN, and will be woken.
  TimePoint last_to_client_{}, last_to_peer_{};
};

/// Names, addresses and what stands behind them.
class Network {
 public:
  explicit Network(SimLoop& loop) : loop_(loop) {}

  struct Place {
    Door door = Door::open;
    std::function<std::unique_ptr<Peer>()> accept;
  };
  std::map<std::string, Place> places;  ///< By numeric address.
  bool names_fail = false;
  int clients_open = 0;

  void resolve(const std::string& host, std::uint16_t port, wire::Loop::Resolved done);
  Result<std::unique_ptr<wire::Stream>> connect(const wire::Address& to);
  static void watch(wire::Stream& stream, wire::StreamEvents* events) noexcept;
  static bool stirred(wire::Stream& stream) noexcept;

 private:
  SimLoop& loop_;
};

}  // namespace callerapi::simulation
