#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/random.hpp"
#include "wire/loop.hpp"
#include "wire/names.hpp"
#include "wire/workers.hpp"

struct epoll_event;

namespace callerapi::wire {

/// A watched stream. epoll hands back {number, generation}, never a pointer: an event that was
/// fetched before its stream was forgotten finds another generation. Members are for any thread.
struct LoopSlot {
  explicit LoopSlot(std::uint32_t at) noexcept : number(at) {}
  const std::uint32_t number;
  std::atomic<std::uint32_t> generation{0};
  std::atomic<StreamEvents*> events{nullptr};
  std::atomic<bool> stirred{false};  ///< Input came, or its end, and nobody was to be told.
};

/// The loop of real life: one thread, its own epoll (edge-triggered) and eventfd, a timer wheel.
/// Other threads reach it by post(); it is woken only when it sleeps.
class Reactor final : public Loop {
 public:
  /// `files` is for tests.
  static Result<std::unique_ptr<Reactor>> start(const base::Clock& clock, NameFiles files = {});
  /// Ends the loop after the task it is in; queued tasks are dropped. Not from its own thread.
  ~Reactor() override;

  TimePoint now() const noexcept override { return clock_.now(); }
  std::int64_t wall_ms() const noexcept override;
  std::uint64_t random() noexcept override;
  void post(std::function<void()> task) override;
  bool inside() const noexcept override { return std::this_thread::get_id() == thread_.get_id(); }
  void arm(Timer& timer, TimePoint due) override;
  void disarm(Timer& timer) override { wheel_.disarm(timer); }
  void resolve(const std::string& host, std::uint16_t port, Resolved done) override {
    names_.resolve(host, port, std::move(done));
  }
  /// The SRV records of a name; see Names. On the loop's thread.
  void service_records(const std::string& name, ServiceRecordsDone done) {
    names_.services(name, std::move(done));
  }
  Result<std::unique_ptr<Stream>> connect(const Address& to) override;
  Result<void> watch(Stream& stream, StreamEvents& events) override;
  void rest(Stream& stream) noexcept override;
  bool stirred(Stream& stream) noexcept override;
  void forget(Stream& stream) noexcept override;

  /// How names are looked up from now on. Thread-safe; in order with post().
  void set_names(NameSettings settings);
  /// To be called now and then: see Workers. Thread-safe.
  void try_again() noexcept { resolvers_.try_again(); }
  /// Thread-safe.
  const NameCounters& name_counters() const noexcept { return names_.counters(); }

  /// In a forked child: the thread is gone and the epoll is the parent's. Neither joins nor closes.
  void abandon() noexcept;

 private:
  Reactor(const base::Clock& clock, NameFiles files);
  void loop();
  void run_posted();
  LoopSlot* slot_of(const epoll_event& event) noexcept;
  void prefetch(const epoll_event& event) noexcept;
  void handle(const epoll_event& event);
  void wake() noexcept;
  int wait_ms() const noexcept;

  const base::Clock& clock_;
  int epoll_ = -1, event_ = -1;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> asleep_{false};
  std::atomic<std::uint64_t> seed_;

  // The loop's thread only.
  TimerWheel wheel_;
  std::vector<std::function<void()>> running_;
  std::deque<LoopSlot> slots_;  ///< They never move; streams point to them.

  base::Mutex posted_mutex_;
  std::vector<std::function<void()>> posted_ CALLERAPI_GUARDED_BY(posted_mutex_);

  base::Mutex slots_mutex_;
  std::vector<LoopSlot*> free_slots_ CALLERAPI_GUARDED_BY(slots_mutex_);

  Names names_;  ///< The loop's thread only.
  Workers resolvers_;
};

}  // namespace callerapi::wire
