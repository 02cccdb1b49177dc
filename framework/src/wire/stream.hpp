#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "callerapi/deadline.hpp"

namespace callerapi::wire {

/// One address to connect to, in the form the socket layer wants it.
struct Address {
  std::string host;  ///< Numeric: "127.0.0.1", "::1"; or the path of a unix socket, "/run/x.sock".
  std::uint16_t port = 0;

  bool is_path() const noexcept { return host.starts_with('/'); }
  bool operator==(const Address&) const = default;
};

/// What one non-blocking operation did: bytes moved (0 on read: end of stream), or an errno.
struct IoResult {
  std::size_t bytes = 0;
  int error = 0;  ///< 0, EAGAIN, or why it failed.
};

/// Why a stream failed where an errno cannot say it: the peer's TLS alert, say.
struct StreamFault {
  std::string reason;  ///< Stable token.
  std::string text;    ///< One line, without secrets.
};

class Loop;

struct LoopSlot;  ///< What a loop knows of a stream.

/// A connected (or connecting) byte stream. Non-blocking, never raises SIGPIPE. One owner at a
/// time; only shutdown() may be called by others, while the owner cannot destroy it.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual IoResult read(char* into, std::size_t size) noexcept = 0;
  virtual IoResult write(const iovec* pieces, int count) noexcept = 0;
  /// The longest that a patient read waits before it answers EAGAIN.
  static constexpr Duration patience = std::chrono::milliseconds(250);
  /// The next read(), and no other, waits in the kernel for input, and notes in `patient_until`
  /// when it was over. False: this stream has no such read. `loop` has the time, and outlives the
  /// stream.
  virtual bool be_patient(const Loop& loop) noexcept {
    static_cast<void>(loop);
    return false;
  }
  /// Nothing to read and not closed by the peer: fit to carry a request.
  virtual bool quiet() noexcept = 0;
  /// Did the last read, if it gave fewer bytes than were asked for, take all that was here?
  virtual bool short_read_drains() const noexcept { return false; }
  /// Why a connect that has become writable failed; 0 when it succeeded.
  virtual int connect_error() noexcept = 0;
  /// What to wait for, besides input, once an operation answered EAGAIN; `writing`: the owner has
  /// more to write. Differs from it where the stream has a dialogue of its own below the bytes.
  virtual bool wants_write(bool writing) const noexcept { return writing; }
  /// After a failed operation; null: its errno says it all. ECONNABORTED is an end of stream that
  /// the peer did not announce where it should have.
  virtual const StreamFault* fault() const noexcept { return nullptr; }
  /// Both directions end; a waiting owner wakes and finds it broken off, never at its end.
  virtual void shutdown() noexcept = 0;
  /// For poll and epoll; -1 where there is none.
  virtual int fd() const noexcept = 0;

  /// Set by a patient read, cleared by whoever reads it.
  TimePoint patient_until{};
  /// How long the peer last said that it keeps the connection without a request.
  std::optional<Duration> peer_keeps;
  /// Bookkeeping of the loop that watches this stream; null where none does.
  LoopSlot* loop_slot = nullptr;
};

}  // namespace callerapi::wire
