#include "wire/names.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "wire/resolve.hpp"

namespace callerapi::wire {
namespace {

/// RFC 6761 6.3: never asked for outside, whatever the hosts file forgot.
bool is_localhost(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name == "localhost" || name.ends_with(".localhost");
}

std::string without_dot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return name;
}

std::vector<Address> with_port(const std::vector<std::string>& hosts, std::uint16_t port) {
  std::vector<Address> addresses;
  addresses.reserve(hosts.size());
  for (const std::string& host : hosts) addresses.push_back({host, port});
  return addresses;
}

/// IPv6 first, then the families in turn (RFC 8305 4); within each family another one leads every
/// time, so that the connections of one cached answer are spread.
std::vector<std::string> in_turn(const std::vector<std::string>& addresses, std::uint64_t random) {
  std::array<std::vector<std::string>, 2> families;
  for (const std::string& one : addresses)
    families[one.find(':') == std::string::npos ? 1 : 0].push_back(one);
  for (auto& family : families)
    if (!family.empty())
      std::rotate(family.begin(),
                  family.begin() + static_cast<std::ptrdiff_t>(random % family.size()),
                  family.end());
  std::vector<std::string> order;
  for (std::size_t i = 0; order.size() < addresses.size(); ++i)
    for (auto& family : families)
      if (i < family.size()) order.push_back(std::move(family[i]));
  return order;
}

}  // namespace

struct Names::Flight {
  explicit Flight(Loop& of, std::function<void()> impatient)
      : loop(of), patience(std::move(impatient)) {}
  ~Flight() { loop.disarm(patience); }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  Loop& loop;
  const TimePoint began = loop.now();
  Timer patience;  ///< Armed while there is an old answer to fall back on.
  std::vector<Waiter> waiters;
  std::shared_ptr<DnsLookup> lookup;
};

struct Names::News {
  FileStamp hosts_stamp, resolv_stamp;
  std::optional<HostTable> hosts;                              ///< If they changed.
  std::optional<Result<std::unique_ptr<DnsChannel>>> channel;  ///< If resolv.conf changed.
};

Names::Names(Loop& loop, Workers& workers, NameFiles files)
    : loop_(loop),
      workers_(workers),
      files_(std::move(files)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_([this] {
        process_channels(-1);
        settle_channels();
      }) {}

Names::~Names() {
  loop_.disarm(timer_);
  flights_.clear();
  channels_.clear();
  if (epoll_ >= 0) ::close(epoll_);
}

void Names::set(NameSettings settings) {
  if (settings.system != settings_.system) cache_.clear();
  settings_ = std::move(settings);
}

void Names::resolve(const std::string& host, std::uint16_t port, Loop::Resolved done) {
  if (host.starts_with('/')) return done(std::vector<Address>{{host, 0}});
  if (auto numeric = numeric_address(host, port)) return done(std::vector<Address>{*numeric});
  const std::string name = lower_case(host);
  if (const auto given = settings_.hosts.find(without_dot(name)); given != settings_.hosts.end())
    return done(with_port(given->second, port));
  const TimePoint now = loop_.now();
  if (auto known = cache_.fresh(name, now)) return tell({{port, std::move(done)}}, *known);
  auto& flight = flights_[name];
  const bool first = !flight;
  if (first) flight = std::make_shared<Flight>(loop_, [this, name] { patience_over(name); });
  flight->waiters.push_back({port, std::move(done)});
  if (!flight->patience.armed() && cache_.has_stale(name, now))
    loop_.arm(flight->patience, now + stale_patience);
  if (first) begin(name);
}

void Names::begin(const std::string& name) {
  if (settings_.system) return ask_system(name);
  if (files_seen_ && loop_.now() < *files_seen_ + name_files_every) return ask(name);
  awaiting_files_.push_back(name);
  check_files();
}

/// Has a worker look whether the files have changed, and read those that have.
void Names::check_files() {
  if (std::exchange(checking_, true)) return;
  workers_.run([this, files = files_, hosts = hosts_stamp_, resolv = resolv_stamp_] {
    auto news = std::make_shared<News>();
    news->hosts_stamp = stamp_of(files.hosts);
    news->resolv_stamp = stamp_of(files.resolv_conf);
    if (hosts != news->hosts_stamp) news->hosts = read_hosts(files.hosts);
    if (resolv != news->resolv_stamp) news->channel = DnsChannel::open(files, epoll_);
    loop_.post([this, news] { on_news(std::move(*news)); });
  });
}

void Names::on_news(News news) {
  checking_ = false;
  files_seen_ = loop_.now();
  hosts_stamp_ = news.hosts_stamp;
  resolv_stamp_ = news.resolv_stamp;
  if (news.hosts) hosts_ = std::move(*news.hosts);
  if (news.channel) {
    no_channel_.reset();
    if (*news.channel) {
      channels_.push_back(std::move(**news.channel));
    } else {
      no_channel_ = std::move(news.channel->error());
      resolv_stamp_.reset();  // look again
    }
  }
  for (const std::string& name : std::exchange(awaiting_files_, {})) ask(name);
  for (const auto& ask_now : std::exchange(services_awaiting_files_, {})) ask_now();
  settle_channels();
}

void Names::ask(const std::string& name) {
  if (const auto listed = hosts_.find(without_dot(name)); listed != hosts_.end())
    return finish(name, Found{listed->second, name_ttl_min});
  if (is_localhost(name)) return finish(name, Found{{"::1", "127.0.0.1"}, name_ttl_max});
  if (no_channel_) return finish(name, *no_channel_);
  auto& lookup = flights_.at(name)->lookup;
  lookup = std::make_shared<DnsLookup>(
      loop_, *channels_.back(), name,
      [this, name](Result<Found> found) { finish(name, std::move(found)); });
  // It may be over, and gone from the map, before begin() returns.
  const auto alive = lookup;
  alive->begin();
  settle_channels();
}

void Names::ask_system(const std::string& name) {
  workers_.run([this, name] {
    auto found = std::make_shared<Result<Found>>(look_up(name));
    loop_.post([this, name, found] { finish(name, std::move(*found)); });
  });
}

void Names::services(const std::string& name, ServiceRecordsDone done) {
  auto ask_now = [this, name = lower_case(name), began = loop_.now(), done = std::move(done)] {
    if (no_channel_) return done(*no_channel_);
    std::vector<std::string> names =
        full_names(name, channels_.back()->search(), channels_.back()->ndots());
    std::ranges::reverse(names);  // the next is the last
    ask_services(std::move(names), [this, name, began, done](Result<ServiceRecords> found) {
      (found ? counters_.found : counters_.failed).record(loop_.now() - began);
      if (!found)
        found.error().message = without_dot(name) + ": SRV lookup: " + found.error().message;
      done(std::move(found));
    });
    settle_channels();
  };
  // Without a channel there is nobody to ask, however lately the files were looked at.
  const bool known = !channels_.empty() || no_channel_;
  if (known && files_seen_ && loop_.now() < *files_seen_ + name_files_every) return ask_now();
  services_awaiting_files_.push_back(std::move(ask_now));
  check_files();
}

/// One after the other, until one exists. A channel lives until it has answered.
void Names::ask_services(std::vector<std::string> names, ServiceRecordsDone done) {
  const std::string name = std::move(names.back());
  names.pop_back();
  channels_.back()->ask_services(
      name, [this, names = std::move(names), done = std::move(done)](Result<ServiceRecords> found) {
        const bool absent = !found && found.error().reason == "not_found";
        if (absent && !names.empty()) return ask_services(names, done);
        done(std::move(found));
      });
}

void Names::patience_over(const std::string& name) {
  const auto flight = flights_.find(name);
  const TimePoint now = loop_.now();
  if (flight == flights_.end() || !cache_.has_stale(name, now)) return;
  base::count(counters_.stale);
  tell(std::exchange(flight->second->waiters, {}), cache_.hold(name, now));
}

void Names::finish(const std::string& name, Result<Found> found) {
  if (!found) found.error().message = without_dot(name) + ": name lookup: " + found.error().message;
  const TimePoint now = loop_.now();
  const bool good = found.has_value();
  const auto answer = cache_.store(name, std::move(found), now);
  auto flight = flights_.extract(name);
  (good ? counters_.found : counters_.failed).record(now - flight.mapped()->began);
  if (!good && answer) base::count(counters_.stale);
  auto waiters = std::exchange(flight.mapped()->waiters, {});
  // One of its timers, or its look-up, may be what is running.
  loop_.post([gone = std::move(flight.mapped())] {});
  tell(std::move(waiters), answer);
}

void Names::tell(std::vector<Waiter> waiters, const NameCache::Answer& answer) {
  for (const Waiter& waiter : waiters) {
    if (answer) {
      waiter.done(with_port(in_turn(*answer, loop_.random()), waiter.port));
    } else {
      waiter.done(answer.error());
    }
  }
}

void Names::process() {
  std::array<epoll_event, 16> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) process_channels(events[static_cast<std::size_t>(i)].data.fd);
  settle_channels();
}

void Names::process_channels(int fd) {
  processing_ = true;
  for (const auto& channel : channels_) channel->process(fd);
  processing_ = false;
}

/// Retired channels go once they owe nothing; the timer follows what is left.
void Names::settle_channels() {
  if (processing_) return;
  loop_.disarm(timer_);
  std::optional<Duration> soonest;
  std::size_t index = 0;
  std::erase_if(channels_, [&](const auto& channel) {
    const bool retired = ++index < channels_.size();
    const auto look = channel->next_look();
    if (look) soonest = std::min(soonest.value_or(*look), *look);
    return retired && !look;
  });
  if (soonest) loop_.arm(timer_, loop_.now() + *soonest);
}

}  // namespace callerapi::wire
