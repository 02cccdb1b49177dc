#include "pool/origin.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/random.hpp"
#include "pool/connector.hpp"
#include "wire/socket.hpp"

namespace callerapi::pool {

Origin::Origin(Settings settings, wire::Loop& loop, std::shared_ptr<Family> family,
               std::shared_ptr<Quota> quota)
    : settings_(std::move(settings)),
      loop_(loop),
      family_(std::move(family)),
      quota_(std::move(quota)),
      counters_(family_->counters) {
  quota_->join(*this);
}

Origin::~Origin() {
  family_->leave(*this);
  quota_->leave(*this);
  for (std::size_t i = 0; i < connectors_.size(); ++i) give_up_place();
  // The last owner may be a thread of any kind; what connects belongs to the loop's.
  if (!connectors_.empty()) {
    const auto abandon = [connectors = std::move(connectors_)] {
      for (const auto& connector : connectors) connector->abandon();
    };
    loop_.inside() ? abandon() : loop_.post(abandon);
  }
  base::Lock lock(mutex_);
  for (auto& connection : idle_) retire(std::move(connection));
}

bool Origin::expired(const Connection& connection, TimePoint now) const noexcept {
  return now - connection.idle_since >= idle_max(*connection.stream) || now >= connection.retire_at;
}

/// A request that leaves while the peer closes is lost: a second before that none does any more.
Duration Origin::idle_max(const wire::Stream& stream) const noexcept {
  if (!stream.peer_keeps) return settings_.idle;
  return std::min(settings_.idle, *stream.peer_keeps - Duration(std::chrono::seconds(1)));
}

/// Connections that were opened together, after a roll-out say, do not all end together.
TimePoint Origin::end_of_age() const noexcept {
  const auto spread = static_cast<std::uint64_t>((settings_.age / 5).count());
  const auto more = static_cast<Duration::rep>(base::Random(loop_.random()).below(spread + 1));
  return loop_.now() + settings_.age - settings_.age / 10 + Duration(more);
}

Duration Origin::open_time() const noexcept {
  const auto off = [](Duration time) { return time <= Duration::zero(); };
  if (off(settings_.dns) || off(settings_.connect) || (settings_.tls && off(settings_.handshake)))
    return Duration::max();
  const auto turns = static_cast<Duration::rep>(addresses_.load(std::memory_order_relaxed)) - 1;
  return settings_.dns + settings_.connect + address_stagger * turns +
         (settings_.tls ? settings_.handshake : Duration::zero());
}

void Origin::retire(std::unique_ptr<Connection> connection) noexcept {
  loop_.forget(*connection->stream);
  counters_.ages.record(loop_.now() - connection->opening.ready);
  connection.reset();
  counters_.open.fetch_sub(1, std::memory_order_relaxed);
  give_up_place();
}

/// A connection, or an attempt to open one, is over.
void Origin::give_up_place() noexcept {
  if (quota_->release()) feed_others();
}

/// Not here and now: this may be in the middle of serving somebody.
void Origin::feed_others() noexcept {
  loop_.post([quota = quota_] { quota->feed(); });
}

/// Has it less of the connections of its service than an even part?
bool Origin::below_part() {
  base::Lock lock(mutex_);
  const auto part = static_cast<std::size_t>(quota_->part_of(settings_.service_max()));
  return active_.size() + idle_.size() + connectors_.size() < part;
}

/// Has it its part of the connections without the one that comes back?
bool Origin::has_part() const {
  const auto part = static_cast<std::size_t>(quota_->part_of(settings_.service_max()));
  return active_.size() + idle_.size() >= part;
}

void Origin::mark_active(Connection* connection) {
  connection->active_at = active_.size();
  active_.push_back(connection);
}

/// The last one takes its place.
void Origin::unmark_active(const Connection& connection) {
  active_[connection.active_at] = active_.back();
  active_[connection.active_at]->active_at = connection.active_at;
  active_.pop_back();
}

/// Has the peer neither closed it nor sent what nobody asked for? The loop knows of all that came
/// until it last waited; it need not be asked again whether that was so for what it was told of.
bool Origin::fit(const Connection& connection, Wants wants) {
  const bool known = wants == Wants::any && connection.drained && loop_.inside() &&
                     !loop_.stirred(*connection.stream);
  return known || connection.stream->quiet();
}

std::unique_ptr<Connection> Origin::take(Wants wants, TimePoint now) {
  for (;;) {
    std::unique_ptr<Connection> connection;
    {
      base::Lock lock(mutex_);
      if (closed_ || idle_.empty()) return nullptr;
      connection = std::move(idle_.back());
      idle_.pop_back();
      mark_active(connection.get());
    }
    // A thread that waits by itself need not wake the loop with each answer.
    if (!loop_.inside()) loop_.forget(*connection->stream);
    if (!expired(*connection, now) && fit(*connection, wants)) {
      connection->reused = true;
      counters_.reused.fetch_add(1, std::memory_order_relaxed);
      return connection;
    }
    // Not by give_back(), which would serve a waiter in the middle of serving one.
    {
      base::Lock lock(mutex_);
      unmark_active(*connection);
    }
    retire(std::move(connection));
  }
}

void Origin::give_back(std::unique_ptr<Connection> connection, bool reusable, TimePoint now) {
  loop_.rest(*connection->stream);
  // Only for another instance: closed for those who wait here, it would be opened again at once.
  const bool wanted = quota_->hungry() && quota_->others_wait(*this);
  bool listed = true;
  {
    base::Lock lock(mutex_);
    unmark_active(*connection);
    const bool kept =
        reusable && idle_max(*connection->stream) > Duration::zero() && !(wanted && has_part());
    if (kept && !closed_ && !draining_) {
      connection->idle_since = now;
      connection->looked_at = false;
      idle_.push_back(std::move(connection));
      listed = std::exchange(listed_, true);
    }
  }
  if (!listed) family_->list(*this);
  if (connection) retire(std::move(connection));
  if (quota_->hungry()) feed_others();  // what rests here is theirs
  if (waiting_.load() == 0) return;
  if (loop_.inside()) return serve();
  loop_.post([self = weak_from_this()] {
    if (auto alive = self.lock()) alive->serve();
  });
}

void Origin::wait(Waiter& waiter, TimePoint now) {
  // What rests belongs to those before us, who may not have been served yet.
  const bool others = first_for_kept() != nullptr;
  if (const Wants wants = waiter.wants(); wants != Wants::fresh && !others)
    if (auto connection = take(wants, now)) return waiter.on_connection(std::move(connection));
  if (auto why = closed()) return waiter.on_connection(std::move(*why));
  waiters_.push_back(&waiter);
  waiting_ = static_cast<int>(waiters_.size());
  others ? serve() : open_more();
  // Only now: those whom a connection is being opened for fill no queue.
  const auto most = static_cast<std::size_t>(settings_.queue_max) + connectors_.size();
  if (opening_ || waiters_.size() <= most || waiters_.back() != &waiter) return;
  withdraw(waiter);
  waiter.on_connection(Error{
      .outcome = Outcome::queue_full,
      .reason = "queue_full",
      .message =
          wire::to_text({settings_.host, settings_.port}) + ": " + std::to_string(waiters_.size()) +
          " calls already wait for a connection; raise pool." +
          (short_of_quota() ? "service_connections_max" : "connections_max") + " or call less",
      .phase = Phase::queue});
}

void Origin::withdraw(Waiter& waiter) {
  std::erase(waiters_, &waiter);
  waiting_ = static_cast<int>(waiters_.size());
  // Nobody is left who needs a place: no other has to give up a connection for us.
  if (waiters_.empty() && quota_->hungry()) quota_->unqueue(*this);
}

std::optional<Phase> Origin::opening(TimePoint since) const noexcept {
  if (connectors_.empty() || connectors_.front()->opening().began > since) return std::nullopt;
  return connectors_.front()->phase();
}

Origin::Census Origin::census() const {
  base::Lock lock(mutex_);
  return {active_.size(), idle_.size(), static_cast<std::size_t>(waiting_.load())};
}

TimePoint Origin::idle_since() const {
  base::Lock lock(mutex_);
  return idle_.empty() ? TimePoint::max() : idle_.front()->idle_since;
}

bool Origin::evict_one() {
  std::unique_ptr<Connection> oldest;
  {
    base::Lock lock(mutex_);
    if (idle_.empty()) return false;
    oldest = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }
  retire(std::move(oldest));
  return true;
}

/// One connector for each waiter that no connector is under way for, as far as the cap allows.
void Origin::open_more() {
  // A connector may fail, and call for the next, before begin() returns: the loop below goes on.
  if (std::exchange(opening_, true)) return;
  while (connectors_.size() < waiters_.size() && open_one()) continue;
  opening_ = false;
}

/// False: every place is taken by a connection in use or under way.
bool Origin::room_here() {
  const auto most = static_cast<std::size_t>(settings_.connections_max);
  for (bool room = false; !room;) {
    std::size_t active = 0, idle = 0;
    {
      base::Lock lock(mutex_);
      active = active_.size();
      idle = idle_.size();
    }
    if (active + connectors_.size() >= most) return false;
    // An idle one may be taken between the count and here: count again.
    room = active + idle + connectors_.size() < most || evict_one();
  }
  return true;
}

bool Origin::open_one() {
  if (!room_here() || !quota_->take(settings_.service_max(), *this)) return false;
  connectors_.push_back(std::make_shared<Connector>(
      settings_, loop_,
      Connector::Owner{[self = weak_from_this()](std::size_t addresses) {
                         if (auto alive = self.lock()) alive->addresses_ = addresses;
                       },
                       [family = family_] { return family->close_longest_idle(); },
                       [self = weak_from_this()](Connector& from, auto result) {
                         if (auto alive = self.lock()) alive->on_opened(from, std::move(result));
                       }}));
  const auto connector = connectors_.back();
  connector->begin();
  return true;
}

void Origin::on_opened(Connector& connector, Result<std::unique_ptr<wire::Stream>> result) {
  std::erase_if(connectors_, [&](const auto& held) { return held.get() == &connector; });
  if (!result) {
    give_up_place();
    if (waiters_.empty()) return;
    Waiter* first = waiters_.front();
    withdraw(*first);
    first->on_connection(std::move(result).error());
    return open_more();
  }
  auto connection = std::make_unique<Connection>();
  connection->stream = std::move(*result);
  connection->opening = connector.opening();
  connection->idle_since = loop_.now();
  connection->retire_at = end_of_age();
  counters_.opened.fetch_add(1, std::memory_order_relaxed);
  counters_.open.fetch_add(1, std::memory_order_relaxed);
  Waiter* first = waiters_.empty() ? nullptr : waiters_.front();
  bool listed = true;
  {
    base::Lock lock(mutex_);
    if (first == nullptr || closed_) {
      if (!closed_ && !draining_) {
        idle_.push_back(std::move(connection));
        listed = std::exchange(listed_, true);
      }
    } else {
      mark_active(connection.get());
    }
  }
  if (!listed) family_->list(*this);
  if (first == nullptr || !connection) {
    if (connection) retire(std::move(connection));
    if (quota_->hungry()) feed_others();
    return;
  }
  withdraw(*first);
  first->on_connection(std::move(connection));
}

/// The first who waits and would take a connection that was used before.
Waiter* Origin::first_for_kept() const noexcept {
  for (Waiter* waiter : waiters_)
    if (waiter->wants() != Wants::fresh) return waiter;
  return nullptr;
}

/// Hands idle connections to those who wait.
void Origin::serve() {
  while (Waiter* first = first_for_kept()) {
    auto connection = take(first->wants());
    if (!connection) break;
    withdraw(*first);
    first->on_connection(std::move(connection));
  }
  open_more();
}

void Origin::drain() {
  std::vector<std::unique_ptr<Connection>> idle;
  {
    base::Lock lock(mutex_);
    draining_ = true;
    idle.swap(idle_);
  }
  for (auto& connection : idle) retire(std::move(connection));
}

void Origin::close(Error why) {
  std::vector<std::unique_ptr<Connection>> idle;
  {
    base::Lock lock(mutex_);
    if (closed_) return;
    closed_ = why;
    idle.swap(idle_);
    for (Connection* connection : active_) connection->stream->shutdown();
  }
  for (auto& connection : idle) retire(std::move(connection));
  for (auto& connector : connectors_) connector->abandon(), give_up_place();
  connectors_.clear();
  while (!waiters_.empty()) {
    Waiter* first = waiters_.front();
    withdraw(*first);
    first->on_connection(why);
  }
}

std::optional<Error> Origin::closed() const {
  base::Lock lock(mutex_);
  return closed_;
}

bool Origin::sweep() {
  const TimePoint now = loop_.now();
  std::vector<std::unique_ptr<Connection>> old;
  bool left = false;
  {
    base::Lock lock(mutex_);
    for (auto& connection : idle_) {
      // What came before it rested the loop has told somebody else: one look; then the loop knows.
      const bool look = loop_.stirred(*connection->stream) || !connection->looked_at;
      connection->looked_at = true;
      if (expired(*connection, now) || (look && !connection->stream->quiet()))
        old.push_back(std::move(connection));
    }
    std::erase(idle_, nullptr);
    left = !idle_.empty() || !active_.empty();
  }
  for (auto& connection : old) retire(std::move(connection));
  return left;
}

bool Origin::unlist() {
  base::Lock lock(mutex_);
  if (!idle_.empty() || !active_.empty()) return false;
  listed_ = false;
  return true;
}

}  // namespace callerapi::pool
