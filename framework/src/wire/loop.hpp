#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "callerapi/deadline.hpp"
#include "callerapi/result.hpp"
#include "wire/stream.hpp"
#include "wire/timer_wheel.hpp"

namespace callerapi::wire {

/// Told by the loop that a watched stream may be ready: try again until EAGAIN.
class StreamEvents {
 public:
  virtual void on_ready() noexcept = 0;
  /// on_ready() comes soon: what it touches may be fetched into the cache. Changes nothing.
  virtual void prefetch() const noexcept {}

 protected:
  ~StreamEvents() = default;
};

/// All that floors 1 to 3 know of time, randomness, names, sockets and threads. The
/// reactor is one; a simulation is another. Members are for the loop's own thread unless said.
class Loop {
 public:
  using Resolved = std::function<void(Result<std::vector<Address>>)>;
  virtual ~Loop() = default;

  /// Thread-safe.
  virtual TimePoint now() const noexcept = 0;
  /// Milliseconds since 1970, for HTTP dates and identifiers only. Thread-safe.
  virtual std::int64_t wall_ms() const noexcept = 0;
  /// Thread-safe.
  virtual std::uint64_t random() noexcept = 0;
  /// Runs `task` on the loop's thread; after the loop has ended it is dropped. Thread-safe.
  virtual void post(std::function<void()> task) = 0;
  /// Is this the loop's own thread? Thread-safe.
  virtual bool inside() const noexcept = 0;

  virtual void arm(Timer& timer, TimePoint due) = 0;
  virtual void disarm(Timer& timer) = 0;

  /// Looks the name up without blocking the loop; `done` runs on the loop, perhaps at once, and
  /// gets at least one address, in the order to try them, or `dns_error`.
  /// The path of a unix socket is its own address.
  virtual void resolve(const std::string& host, std::uint16_t port, Resolved done) = 0;
  /// Begins to connect. The stream is writable when it is decided: ask connect_error().
  virtual Result<std::unique_ptr<Stream>> connect(const Address& to) = 0;

  /// Events go to `events` from now on. Edge-triggered: try once before waiting.
  virtual Result<void> watch(Stream& stream, StreamEvents& events) = 0;
  /// The stream stays known, nobody is told: what an idle connection costs nothing for.
  virtual void rest(Stream& stream) noexcept = 0;
  /// Has anything come for a stream while it rested, since this was last asked? Also true where the
  /// loop cannot know. Thread-safe for a resting stream.
  virtual bool stirred(Stream& stream) noexcept = 0;
  /// The loop knows the stream no more. Thread-safe for a resting stream.
  virtual void forget(Stream& stream) noexcept = 0;
};

}  // namespace callerapi::wire
