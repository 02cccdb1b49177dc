#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "bench_histogram.hpp"

namespace callerapi::bench {

/// What every client of the comparison is told on its command line; see usage() in peer.cpp.
struct Task {
  std::string host, port, target, method = "GET", body, ca_file;
  bool tls = false;
  std::size_t lanes = 1;
  std::uint64_t warmup = 0, requests = 1;
  std::uint64_t expect_bytes = 0;
  std::uint64_t send_bytes = 0;  ///< Of a request body that is made as it is sent; 0: `body`.
  double rate = 0;               ///< Calls a second, begun whether or not others have ended.
  bool json = false;             ///< Bodies are made from a document and made into one again.
  bool reconnect = false;        ///< The server ends every connection after one answer.
  std::string registry;          ///< For our own.

  /// The request as a bare client sends it: the header fields of a call through the framework.
  std::string bytes() const;
  std::string url() const;
};

/// Reads the command line, or ends the program with code 2.
Task task_of(int argc, char** argv);

/// Counts a run. The thread-safe parts say so.
class Meter {
 public:
  explicit Meter(const Task& task) : task_(task) {}

  /// Runs `work(calls)` for the warm-up, then for the measured calls, and prints one JSON object as
  /// `callerapi bench` does. Answers the exit code: 1 when any answer was wrong.
  int run(const std::function<void(std::uint64_t)>& work);

  std::uint64_t calls() const noexcept { return calls_; }
  /// A call may begin: false when there were enough. Thread-safe.
  bool claim() noexcept { return begun_.fetch_add(1) < calls_; }
  /// A call has ended. Thread-safe.
  void ended(int status, std::uint64_t body_bytes, TimePoint began) noexcept;
  void failed(const char* why) noexcept;

 private:
  const Task& task_;
  cli::Histogram latencies_;
  std::uint64_t calls_ = 0;
  std::atomic<std::uint64_t> begun_{0}, ended_{0}, wrong_{0};
};

TimePoint clock_now() noexcept;

/// Where the parts of an answer are that has a Content-Length, as all of the comparison have: what
/// a client must read at the very least.
struct Framing {
  std::size_t head = 0;  ///< With its empty line; 0: not complete.
  int status = 0;
  std::uint64_t body = 0;
};
Framing framing_of(std::string_view input) noexcept;

/// When the calls of an open loop are to begin: evenly, from now on.
class Schedule {
 public:
  explicit Schedule(const Task& task) : began_(clock_now()), gap_(1e9 / task.rate) {}
  /// Of the call with that number; what it took is counted from here, however late it began.
  TimePoint of(std::uint64_t call) const noexcept {
    return began_ + Duration(static_cast<Duration::rep>(gap_ * static_cast<double>(call)));
  }

 private:
  const TimePoint began_;
  const double gap_;  ///< Nanoseconds.
};

/// What a body of `send_bytes` is made of, piece after piece.
std::string_view piece_of_body() noexcept;

/// A connected loopback socket without Nagle's delay; ends the program when there is none.
int connect_to(const Task& task);

}  // namespace callerapi::bench
