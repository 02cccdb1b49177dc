#pragma once

#include <functional>
#include <memory>

#include "pool/settings.hpp"
#include "wire/loop.hpp"
#include "wire/tls_stream.hpp"

namespace callerapi::pool {

/// Agrees on TLS over a connected stream within timeouts.tls. On the loop's thread; tells its owner
/// once, who may destroy it while told. Destroyed earlier, it closes the stream and tells nobody.
class Handshake final : private wire::StreamEvents {
 public:
  using Done = std::function<void(Result<std::unique_ptr<wire::Stream>>)>;
  /// `settings` has a TLS context and outlives this.
  Handshake(const Settings& settings, wire::Loop& loop, Done done);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  void begin(std::unique_ptr<wire::Stream> connected);

 private:
  void on_ready() noexcept override;
  void on_time();
  void settle(Result<std::unique_ptr<wire::Stream>> result);
  void drop() noexcept;

  const Settings& settings_;
  wire::Loop& loop_;
  Done done_;
  wire::Timer timer_;
  std::unique_ptr<wire::TlsStream> stream_;
};

}  // namespace callerapi::pool
