#include "wire/reactor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <random>
#include <utility>

#include "base/thread.hpp"
#include "wire/socket.hpp"

namespace callerapi::wire {
namespace {

// A stuck getaddrinfo (resolver = "system") holds its thread for as long as the resolver's own
// time-out; four let three other names through meanwhile.
constexpr std::size_t resolver_threads_max = 4;
constexpr std::uint64_t wake_up = ~0ull, names_ready = ~1ull;  // no slot has these numbers
constexpr int events_max = 256;

constexpr std::uint64_t pack(std::uint32_t slot, std::uint32_t generation) noexcept {
  return (std::uint64_t{generation} << 32) | slot;
}

std::uint64_t entropy() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) ^ device();
}

}  // namespace

Reactor::Reactor(const base::Clock& clock, NameFiles files)
    : clock_(clock),
      seed_(entropy()),
      wheel_(clock.now()),
      names_(*this, resolvers_, std::move(files)),
      resolvers_(resolver_threads_max) {}

Result<std::unique_ptr<Reactor>> Reactor::start(const base::Clock& clock, NameFiles files) {
  std::unique_ptr<Reactor> reactor(new Reactor(clock, std::move(files)));
  reactor->epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  reactor->event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_up;
  epoll_event names = event;
  names.data.u64 = names_ready;
  if (reactor->epoll_ < 0 || reactor->event_ < 0 ||
      ::epoll_ctl(reactor->epoll_, EPOLL_CTL_ADD, reactor->event_, &event) != 0 ||
      ::epoll_ctl(reactor->epoll_, EPOLL_CTL_ADD, reactor->names_.fd(), &names) != 0)
    return Error{Outcome::resource_exhausted, errno_reason(errno),
                 "reactor: no descriptor for epoll or eventfd; raise the limit of open files"};
  auto thread = base::start_thread([self = reactor.get()] { self->loop(); });
  if (!thread) return std::move(thread).error();
  reactor->thread_ = std::move(*thread);
  return reactor;
}

Reactor::~Reactor() {
  stopping_ = true;
  if (event_ >= 0) wake();
  if (thread_.joinable()) thread_.join();
  {
    // What was posted and never ran may own streams: those go while the loop still stands.
    base::Lock lock(posted_mutex_);
    posted_.clear();
  }
  if (event_ >= 0) ::close(event_);
  if (epoll_ >= 0) ::close(epoll_);
}

void Reactor::abandon() noexcept { resolvers_.abandon(); }

std::int64_t Reactor::wall_ms() const noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch())
      .count();
}

std::uint64_t Reactor::random() noexcept {
  return base::Random(seed_.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed)).next();
}

void Reactor::post(std::function<void()> task) {
  {
    base::Lock lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  if (asleep_.exchange(false)) wake();
}

void Reactor::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof one);
}

void Reactor::arm(Timer& timer, TimePoint due) { wheel_.arm(timer, due); }

int Reactor::wait_ms() const noexcept {
  const auto due = wheel_.next_due();
  if (!due) return -1;
  const Duration left = *due - clock_.now();
  if (left <= Duration::zero()) return 0;
  // Rounded up: waking a little early would spin.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(ms, 60'000));
}

void Reactor::run_posted() {
  running_.clear();
  {
    base::Lock lock(posted_mutex_);
    running_.swap(posted_);
  }
  for (auto& task : running_) {
    task();
    task = nullptr;
  }
}

/// Null: the event was of the loop itself, or its stream was forgotten meanwhile.
LoopSlot* Reactor::slot_of(const epoll_event& event) noexcept {
  const std::uint64_t data = event.data.u64;
  if (data >= names_ready) return nullptr;
  LoopSlot& slot = slots_[static_cast<std::uint32_t>(data)];
  return slot.generation.load() == static_cast<std::uint32_t>(data >> 32) ? &slot : nullptr;
}

void Reactor::loop() {
  std::array<epoll_event, events_max> events;
  while (!stopping_) {
    run_posted();
    wheel_.advance(clock_.now());
    asleep_ = true;
    int timeout = wait_ms();
    {
      base::Lock lock(posted_mutex_);
      if (!posted_.empty()) timeout = 0;
    }
    const int count = ::epoll_wait(epoll_, events.data(), events_max, timeout);
    asleep_ = false;
    for (int i = 0; i < count; ++i) {
      // With a thousand calls in flight none of them is in the cache when its answer comes; the
      // next one is fetched while this one waits for the kernel.
      if (i + 1 < count) prefetch(events[static_cast<std::size_t>(i) + 1]);
      handle(events[static_cast<std::size_t>(i)]);
    }
  }
}

void Reactor::prefetch(const epoll_event& event) noexcept {
  const LoopSlot* const slot = slot_of(event);
  if (const StreamEvents* const target = slot ? slot->events.load() : nullptr) target->prefetch();
}

void Reactor::handle(const epoll_event& event) {
  if (event.data.u64 == wake_up) {
    std::uint64_t drained = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_, &drained, sizeof drained);
    return;
  }
  if (event.data.u64 == names_ready) return names_.process();
  LoopSlot* const slot = slot_of(event);
  if (!slot) return;
  StreamEvents* target = slot->events.load();
  // An end that came together with the last answer is told only now, to whoever reads that.
  if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ||
      (!target && (event.events & EPOLLIN) != 0))
    slot->stirred = true;
  if (target) target->on_ready();
}

void Reactor::set_names(NameSettings settings) {
  post([this, settings = std::move(settings)]() mutable { names_.set(std::move(settings)); });
}

Result<std::unique_ptr<Stream>> Reactor::connect(const Address& to) { return connect_socket(to); }

Result<void> Reactor::watch(Stream& stream, StreamEvents& events) {
  if (stream.loop_slot) {
    stream.loop_slot->events.store(&events, std::memory_order_release);
    return {};
  }
  LoopSlot* slot = nullptr;
  {
    base::Lock lock(slots_mutex_);
    if (!free_slots_.empty()) {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
  }
  if (!slot) slot = &slots_.emplace_back(static_cast<std::uint32_t>(slots_.size()));
  slot->events = &events;
  slot->stirred = false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = pack(slot->number, slot->generation.load());
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, stream.fd(), &event) != 0) {
    const int error = errno;
    slot->events = nullptr;
    base::Lock lock(slots_mutex_);
    free_slots_.push_back(slot);
    return Error{Outcome::resource_exhausted, errno_reason(error),
                 "reactor: epoll refused a socket"};
  }
  stream.loop_slot = slot;
  return {};
}

void Reactor::rest(Stream& stream) noexcept {
  if (stream.loop_slot) stream.loop_slot->events.store(nullptr, std::memory_order_release);
}

bool Reactor::stirred(Stream& stream) noexcept {
  if (!stream.loop_slot) return true;
  // The loop alone sets it, and asks.
  std::atomic<bool>& stirred = stream.loop_slot->stirred;
  const bool was = stirred.load(std::memory_order_relaxed);
  if (was) stirred.store(false, std::memory_order_relaxed);
  return was;
}

void Reactor::forget(Stream& stream) noexcept {
  LoopSlot* const slot = std::exchange(stream.loop_slot, nullptr);
  if (!slot) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.fd(), nullptr);
  slot->events = nullptr;
  ++slot->generation;
  base::Lock lock(slots_mutex_);
  free_slots_.push_back(slot);
}

}  // namespace callerapi::wire
