#include "wire/socket.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "wire/loop.hpp"

namespace callerapi::wire {
namespace {

/// Of so many descriptors, the last few are not for connections: with as many calls as there can
/// be, the process must still open its log, its registry and a plugin.
rlim_t kept_back(rlim_t files) noexcept { return std::min<rlim_t>(8, files / 16); }

/// The kernel gives out the lowest number that is free.
bool is_kept_back(int fd) noexcept {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 &&
         static_cast<rlim_t>(fd) >= files.rlim_cur - kept_back(files.rlim_cur);
}

/// What is used up, and what to do about it.
std::string shortage(int error) {
  switch (error) {
    case EMFILE: {
      rlimit files{};
      ::getrlimit(RLIMIT_NOFILE, &files);
      return "no file descriptor is left for a connection; this process may have " +
             std::to_string(files.rlim_cur) + " (RLIMIT_NOFILE), and connections leave the last " +
             std::to_string(kept_back(files.rlim_cur)) +
             " of them: raise that limit, or lower pool.connections_max";
    }
    case ENFILE:
      return "no file descriptor is left for a connection in the whole system; raise fs.file-max";
    case EADDRNOTAVAIL:
      return "no local port is left for a connection to it, or no local address of its kind; let "
             "calls share kept connections (pool.connections_max, pool.idle), or widen "
             "net.ipv4.ip_local_port_range";
    default:
      return "the kernel has no memory left for a connection";
  }
}

/// Poco owns the descriptor; every byte moves by recv, send and sendmsg on it, because Poco's own
/// calls throw where EAGAIN is meant.
class SocketStream final : public Stream {
 public:
  explicit SocketStream(const Poco::Net::StreamSocket& socket) : socket_(socket) {}

  IoResult read(char* into, std::size_t size) noexcept override {
    if (patient_) return read_patiently(into, size);
    for (;;) {
      const ssize_t n = ::recv(fd(), into, size, MSG_DONTWAIT);
      // What we ended ourselves must not pass for the end that the peer gave it.
      if (n == 0 && shut_) return {0, ESHUTDOWN};
      if (n >= 0) return {static_cast<std::size_t>(n), 0};
      if (errno != EINTR) return {0, errno};
    }
  }

  /// Every other operation says by itself that it does not wait, so that the descriptor may.
  bool be_patient(const Loop& loop) noexcept override {
    if (!may_block_) {
      const timeval most{0,
                         std::chrono::duration_cast<std::chrono::microseconds>(patience).count()};
      int off = 0;
      if (::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) != 0 ||
          ::ioctl(fd(), FIONBIO, &off) != 0)
        return false;
      may_block_ = true;
    }
    patient_ = &loop;
    return true;
  }

  bool short_read_drains() const noexcept override { return true; }

  IoResult write(const iovec* pieces, int count) noexcept override {
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);  // sendmsg does not write through it
    message.msg_iovlen = static_cast<std::size_t>(count);
    for (;;) {
      // For one piece the kernel has less to look at.
      const ssize_t n = count == 1 ? ::send(fd(), pieces->iov_base, pieces->iov_len, flags)
                                   : ::sendmsg(fd(), &message, flags);
      if (n >= 0) return {static_cast<std::size_t>(n), 0};
      if (errno != EINTR) return {0, errno};
    }
  }

  bool quiet() noexcept override {
    char byte;
    const ssize_t n = ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  int connect_error() noexcept override {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }

  void shutdown() noexcept override {
    shut_ = true;
    ::shutdown(fd(), SHUT_RDWR);
  }
  int fd() const noexcept override { return socket_.impl()->sockfd(); }

 private:
  /// A signal ends the wait: whoever waits looks at the time.
  IoResult read_patiently(char* into, std::size_t size) noexcept {
    const Loop& loop = *std::exchange(patient_, nullptr);
    const ssize_t n = ::recv(fd(), into, size, 0);
    const int error = n >= 0 ? (n == 0 && shut_ ? ESHUTDOWN : 0) : errno == EINTR ? EAGAIN : errno;
    patient_until = loop.now();
    return {error == 0 ? static_cast<std::size_t>(n) : 0, error};
  }

  Poco::Net::StreamSocket socket_;
  std::atomic<bool> shut_{false};
  bool may_block_ = false;
  const Loop* patient_ = nullptr;  ///< For the next read.
};

/// An address as the kernel takes it.
struct Place {
  sockaddr_storage address{};
  socklen_t size = 0;
};

/// Poco's own reading of an address costs four microseconds of each connection: it is asked only
/// for what is rare, a socket's path and an address of one link.
Place place_of(const Address& to) {
  Place place;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const auto take = [&](const void* from, std::size_t size) {
    std::memcpy(&place.address, from, size);
    place.size = static_cast<socklen_t>(size);
  };
  if (::inet_pton(AF_INET, to.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    take(&v4, sizeof v4);
  } else if (::inet_pton(AF_INET6, to.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port);
    take(&v6, sizeof v6);
  } else {
    using Poco::Net::SocketAddress;
    const SocketAddress address = to.is_path() ? SocketAddress(SocketAddress::UNIX_LOCAL, to.host)
                                               : SocketAddress(to.host, to.port);
    take(address.addr(), static_cast<std::size_t>(address.length()));
  }
  return place;
}

/// Closes the descriptor with its last copy, and here when there is no memory for one.
Poco::Net::StreamSocket owner_of(int fd) {
  Poco::Net::StreamSocketImpl* owner = new (std::nothrow) Poco::Net::StreamSocketImpl(fd);
  if (!owner) {
    ::close(fd);
    throw Poco::OutOfMemoryException("socket", ENOMEM);
  }
  return Poco::Net::StreamSocket(owner);
}

}  // namespace

const char* errno_reason(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
      return "refused";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "unreachable";
    case ECONNRESET:
    case EPIPE:
      return "reset";
    case ETIMEDOUT:
      return "timed_out";
    case ENOENT:
      return "no_socket";
    case EACCES:
      return "not_permitted";
    case EAGAIN:
      return "backlog_full";
    case EMFILE:
    case ENFILE:
      return "fds";
    case EADDRNOTAVAIL:
      return "ports";
    case ENOMEM:
    case ENOBUFS:
      return "memory";
    default:
      return "failed";
  }
}

std::string to_text(const Address& address) {
  if (address.is_path()) return "unix:" + address.host;
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string peer_text(const Stream& stream) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const raw = reinterpret_cast<sockaddr*>(&storage);
  if (stream.fd() < 0 || ::getpeername(stream.fd(), raw, &size) != 0) return {};
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(raw);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return to_text({text, ntohs(v4->sin_port)});
  }
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(raw);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return to_text({text, ntohs(v6->sin6_port)});
  }
  const auto* path = reinterpret_cast<const sockaddr_un*>(raw);
  const std::size_t most = size - offsetof(sockaddr_un, sun_path);
  return to_text({std::string(path->sun_path, ::strnlen(path->sun_path, most))});
}

Error connect_failure(int error, const Address& to) {
  const bool exhausted = error == EMFILE || error == ENFILE || error == EADDRNOTAVAIL ||
                         error == ENOMEM || error == ENOBUFS;
  return {.outcome = exhausted ? Outcome::resource_exhausted : Outcome::connect_error,
          .reason = errno_reason(error),
          .message = to_text(to) + ": " +
                     (exhausted         ? shortage(error)
                      : error == ENOENT ? "there is no such socket"
                      : error == EACCES ? "this process may not use the socket"
                      : error == EAGAIN ? "the socket's backlog is full"
                                        : std::string("connection ") + errno_reason(error)),
          .phase = Phase::connect};
}

Result<std::unique_ptr<Stream>> connect_socket(const Address& to) {
  try {
    const Place place = place_of(to);
    // Born as it stays: another thread's fork() finds no descriptor that its child could inherit.
    const int fd = ::socket(place.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return connect_failure(errno, to);
    auto stream = std::make_unique<SocketStream>(owner_of(fd));
    if (is_kept_back(fd)) return connect_failure(EMFILE, to);
    const int on = 1;
    if (!to.is_path()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&place.address), place.size) != 0 &&
        errno != EINPROGRESS)
      return connect_failure(errno, to);
    return std::unique_ptr<Stream>(std::move(stream));
  } catch (const Poco::Exception& e) {
    return connect_failure(e.code() != 0 ? e.code() : errno, to);
  }
}

}  // namespace callerapi::wire
