#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.hpp"
#include "base/mutex.hpp"
#include "callerapi/result.hpp"

namespace callerapi::policy {

/// What a source of credentials gave.
struct Grant {
  std::string authorization;         ///< The field's value: "Bearer abc".
  std::optional<Duration> lifetime;  ///< From now, above zero; none: until it is refused.
};

/// One granted credential. Two of one value are still two: a call names the one it used by address.
struct Token {
  std::string authorization;
  TimePoint obtained{};
  TimePoint refresh_at = no_deadline;    ///< Another is asked for, this one still used.
  TimePoint usable_until = no_deadline;  ///< Before its end, so that it survives the way.
  bool replacement = false;              ///< Got because the service had refused another.
};

/// The credential of one service: what to send now, and one request at a time for the next
/// (semantics S13). Time and randomness come with each use; sources answer by settle(). Reading
/// takes a lock for as long as a pointer is copied. Thread-safe.
class Credential : public std::enable_shared_from_this<Credential> {
 public:
  /// Asks the source, which answers by one settle(), from any thread, perhaps at once.
  using Fetch = std::function<void(const std::shared_ptr<Credential>&)>;

  /// What one call waits for.
  class Ticket {
   public:
    bool done() const noexcept { return done_.load(std::memory_order_acquire); }
    /// Once done().
    const Result<std::shared_ptr<const Token>>& result() const noexcept { return *result_; }

   private:
    friend class Credential;
    void finish(Result<std::shared_ptr<const Token>> result);
    std::function<void()> wake_;
    std::optional<Result<std::shared_ptr<const Token>>> result_;
    std::atomic<bool> done_{false};
  };

  explicit Credential(Fetch fetch) : fetch_(std::move(fetch)) {}
  /// One that never changes.
  explicit Credential(Grant fixed);

  /// May refused() ever say yes?
  bool renewable() const noexcept { return fetch_ != nullptr; }
  /// What to send, or null: await() one. Asks for the next when this one is near its end.
  std::shared_ptr<const Token> current(TimePoint now);
  /// Asks for a token unless that is under way; `wake` runs once when the ticket is done, which may
  /// be before this returns. How long to wait is up to the caller, who may forget the ticket.
  std::shared_ptr<Ticket> await(TimePoint now, std::function<void()> wake);
  /// The service answered 401 to `used`, which is not used again. Is there a point in asking with
  /// another? Not when there is no source, nor when `used` itself replaced a refused one a moment
  /// ago: then the token is not what the service dislikes.
  bool refused(const std::shared_ptr<const Token>& used, TimePoint now);

  /// The source's answer. After an error the token in force stays while it is usable.
  void settle(Result<Grant> grant, TimePoint now, std::uint64_t random);
  /// A source has something new unasked.
  void put(Grant grant, TimePoint now, std::uint64_t random);

  /// Answers of the source and news of it that were taken over, and answers that were errors.
  std::uint64_t renewed() const noexcept { return renewed_.load(std::memory_order_relaxed); }
  std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

 private:
  bool usable(TimePoint now) const CALLERAPI_REQUIRES(mutex_);
  void take(Grant grant, TimePoint now, std::uint64_t random) CALLERAPI_REQUIRES(mutex_);

  const Fetch fetch_;
  base::Counter renewed_{0}, failed_{0};
  base::Mutex mutex_;
  std::shared_ptr<const Token> token_ CALLERAPI_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Ticket>> waiting_ CALLERAPI_GUARDED_BY(mutex_);
  TimePoint pause_until_ CALLERAPI_GUARDED_BY(mutex_){};
  bool fetching_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool was_refused_ CALLERAPI_GUARDED_BY(mutex_) = false;
};

}  // namespace callerapi::policy
