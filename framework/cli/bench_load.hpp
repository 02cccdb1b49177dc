#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bench_histogram.hpp"
#include "callerapi/caller.hpp"

namespace callerapi::cli {

/// What is called, and how.
struct LoadPlan {
  std::string service, endpoint;  ///< By name, or
  std::string method, path;       ///< ad hoc, when there is a method.
  Request request;                ///< Copied for each call; its body must be none, JSON or a form.
  bool sync = false;              ///< One thread for each lane, in place of calls on the loop.
  std::size_t lanes = 1;          ///< Calls in flight.
  bool discard = false;           ///< Bodies are counted as they come instead of being kept.
  std::optional<std::uint64_t> body_bytes;  ///< An answer with another number is wrong.
};

/// A closed loop of calls: the end of each begins the next. The Caller must run completions on the
/// thread that finished the call (Executor::inline_executor).
class Load {
 public:
  Load(Caller& caller, const LoadPlan& plan);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Begins calls until there were `calls` or `until` has come, and a call that cannot even be
  /// begun ends it at once.
  void begin(std::uint64_t calls, TimePoint until);
  /// Waits until every call has ended, but no longer than `at_most`; answers whether that is so.
  bool wait(Duration at_most);

  /// Since the last begin(). Thread-safe while it runs.
  std::uint64_t ended() const noexcept { return ended_.load(std::memory_order_relaxed); }
  std::uint64_t errors() const noexcept { return errors_.load(std::memory_order_relaxed); }
  const Histogram& latencies() const noexcept { return latencies_; }
  TimePoint last_end() const noexcept;
  /// What was wrong with the first answer that was, since this object was made.
  std::optional<Error> first_error() const;

 private:
  class Lane;
  friend class Lane;

  bool claim(TimePoint now) noexcept;
  void judge(const Result<Response>& answer, std::uint64_t discarded, Duration took);
  void note(Error error);
  void lane_done();

  Caller& caller_;
  const LoadPlan& plan_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Histogram latencies_;
  std::uint64_t calls_ = 0;
  TimePoint until_{};
  std::atomic<std::uint64_t> begun_{0}, ended_{0}, errors_{0};
  std::atomic<bool> hopeless_{false};

  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::size_t running_ = 0;  // protected by mutex_, as what follows
  TimePoint last_end_{};
  std::optional<Error> first_error_;
};

}  // namespace callerapi::cli
