#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/result.hpp"
#include "pool/connection.hpp"
#include "pool/family.hpp"
#include "pool/quota.hpp"
#include "pool/settings.hpp"
#include "wire/loop.hpp"

namespace callerapi::pool {

class Connector;

/// Which connection will do.
enum class Wants : std::uint8_t {
  any,    ///< A kept one that is fit as far as the loop knows: one that is not costs a repeat.
  asked,  ///< A kept one only if it was asked just now: the request may not be repeated.
  fresh,  ///< Only one that has carried nothing: the last kept one turned out stale.
};

/// Who waits for a connection. Lives until it was told, or until Origin::withdraw.
class Waiter {
 public:
  /// On the loop's thread, once.
  virtual void on_connection(Result<std::unique_ptr<Connection>> got) noexcept = 0;
  virtual Wants wants() const noexcept = 0;

 protected:
  ~Waiter() = default;
};

/// The connections of one service to one instance: last used first, bounded, with a
/// queue in order of arrival for those who find all in use.
///
/// take() and give_back() are thread-safe. wait() and withdraw() are for the loop's thread: new
/// connections are made there, and whichever connection is ready first serves the first waiter.
class Origin : public std::enable_shared_from_this<Origin> {
 public:
  /// `quota` is shared by the instances of one service.
  Origin(Settings settings, wire::Loop& loop, std::shared_ptr<Family> family,
         std::shared_ptr<Quota> quota = std::make_shared<Quota>());
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  const Settings& settings() const noexcept { return settings_; }

  /// An idle connection that is fit for use, or null. Never blocks. Here and below, `now` is for
  /// those who know it already.
  std::unique_ptr<Connection> take(Wants wants, TimePoint now);
  std::unique_ptr<Connection> take(Wants wants = Wants::asked) { return take(wants, loop_.now()); }
  /// Ends the use of a connection; `reusable`: its last exchange left it clean.
  void give_back(std::unique_ptr<Connection> connection, bool reusable, TimePoint now);
  void give_back(std::unique_ptr<Connection> connection, bool reusable) {
    give_back(std::move(connection), reusable, loop_.now());
  }

  /// Is it the quota of the service that leaves no room for another connection? Thread-safe.
  bool short_of_quota() const noexcept { return quota_->taken() >= settings_.service_max(); }
  /// Its connections, and who waits for one, at this moment.
  struct Census {
    std::size_t active = 0, idle = 0, waiting = 0;
  };
  Census census() const;

  /// Does anybody wait in the queue? Then it would be wrong to take() past it. Thread-safe.
  bool crowded() const noexcept { return waiting_.load() > 0; }

  /// What opening a connection may take, with the stagger of as many addresses as the name last led
  /// to; grows when it turns out to lead to more. Duration::max(): one of its times is off.
  /// Thread-safe.
  Duration open_time() const noexcept;

  /// What the connection is at that is being opened since then or longer; nothing: there is none.
  /// The loop's thread only.
  std::optional<Phase> opening(TimePoint since) const noexcept;

  /// Queues for a connection and opens one if there is room. Errors reach the waiter.
  void wait(Waiter& waiter, TimePoint now);
  void wait(Waiter& waiter) { wait(waiter, loop_.now()); }
  /// The waiter waits no more.
  void withdraw(Waiter& waiter);

  /// Keeps no connection any more: idle ones close now, those in use when they come back. Calls
  /// that have begun go on. For an origin that no snapshot leads to: a thread's old copy of one may
  /// keep the object for long. Thread-safe.
  void drain();
  /// No more calls: ends what waits and what is in use with `why`, closes what is idle.
  void close(Error why);
  /// Set once closed.
  std::optional<Error> closed() const;
  /// Closes idle connections past their time; answers whether any are left, in use or not.
  bool sweep();

  /// Since when the connection that has rested longest does; TimePoint::max(): none rests.
  /// Thread-safe.
  TimePoint idle_since() const;
  /// Closes that one, to make room; false: none rests any more. Thread-safe.
  bool evict_one();

 private:
  friend class Family;
  friend class Quota;
  /// For the family, under its lock: false where a connection has come meanwhile.
  bool unlist();
  void serve();
  bool room_here();
  bool below_part();
  bool has_part() const CALLERAPI_REQUIRES(mutex_);
  void give_up_place() noexcept;
  void feed_others() noexcept;
  Waiter* first_for_kept() const noexcept;
  void open_more();
  bool open_one();
  void on_opened(Connector& connector, Result<std::unique_ptr<wire::Stream>> result);
  bool fit(const Connection& connection, Wants wants);
  bool expired(const Connection& connection, TimePoint now) const noexcept;
  Duration idle_max(const wire::Stream& stream) const noexcept;
  TimePoint end_of_age() const noexcept;
  void retire(std::unique_ptr<Connection> connection) noexcept;
  void mark_active(Connection* connection) CALLERAPI_REQUIRES(mutex_);
  void unmark_active(const Connection& connection) CALLERAPI_REQUIRES(mutex_);

  const Settings settings_;
  wire::Loop& loop_;
  const std::shared_ptr<Family> family_;  ///< A thread's old snapshot may outlive the Caller.
  const std::shared_ptr<Quota> quota_;
  Counters& counters_;

  // The loop's thread only.
  std::deque<Waiter*> waiters_;
  std::vector<std::shared_ptr<Connector>> connectors_;

  bool opening_ = false;

  std::atomic<std::size_t> addresses_{1};  ///< That the name last led to.
  std::atomic<int> waiting_{0};            ///< Size of waiters_, for give_back.

  mutable base::Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ CALLERAPI_GUARDED_BY(mutex_);
  std::vector<Connection*> active_ CALLERAPI_GUARDED_BY(mutex_);
  std::optional<Error> closed_ CALLERAPI_GUARDED_BY(mutex_);
  bool draining_ CALLERAPI_GUARDED_BY(mutex_) = false;
  bool listed_ CALLERAPI_GUARDED_BY(mutex_) = false;  ///< By the family, or about to be.
};

}  // namespace callerapi::pool
