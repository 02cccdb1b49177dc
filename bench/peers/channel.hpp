#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstddef>

#include "peer.hpp"

namespace callerapi::bench {

/// A connection, bare or with bare OpenSSL. Both answer what recv() and send() do: -1 would block.
class Channel {
 public:
  /// Connects and, for https, shakes hands; ends the program when that fails.
  explicit Channel(const Task& task);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const noexcept { return fd_; }
  long read(char* into, std::size_t size) noexcept {
    return ssl_ == nullptr ? ::recv(fd_, into, size, MSG_DONTWAIT)
                           : ::SSL_read(ssl_, into, static_cast<int>(size));
  }
  long write(const char* from, std::size_t size) noexcept {
    return ssl_ == nullptr ? ::send(fd_, from, size, MSG_NOSIGNAL)
                           : ::SSL_write(ssl_, from, static_cast<int>(size));
  }

 private:
  int fd_;
  SSL* ssl_ = nullptr;
};

}  // namespace callerapi::bench
