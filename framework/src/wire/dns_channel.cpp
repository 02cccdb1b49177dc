#include "wire/dns_channel.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/limits.hpp"

namespace callerapi::wire {
namespace {

// A lost datagram must cost less than timeouts.dns = 2s: asked again after 0.5 s and another 1 s,
// given up after 3.5 s.
constexpr int first_wait_ms = 500;
constexpr int tries = 3;

void on_socket(void* epoll, ares_socket_t fd, int readable, int writable) {
  epoll_event event{};
  event.data.fd = fd;
  if (readable != 0) event.events |= EPOLLIN;
  if (writable != 0) event.events |= EPOLLOUT;
  const int set = *static_cast<int*>(epoll);
  if (event.events == 0) {
    ::epoll_ctl(set, EPOLL_CTL_DEL, fd, nullptr);
  } else if (::epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) != 0) {
    ::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
  }
}

bool of_server(int status) noexcept {
  return status == ARES_ESERVFAIL || status == ARES_EREFUSED || status == ARES_ENOTIMP ||
         status == ARES_EFORMERR;
}

Result<Found> read_answer(Family family, const unsigned char* bytes, int size, int& status) {
  Found found;
  int seconds = 0;
  std::array<char, INET6_ADDRSTRLEN> text;
  const auto add = [&](int af, const void* address, int ttl) {
    seconds = found.addresses.empty() ? ttl : std::min(seconds, ttl);
    ::inet_ntop(af, address, text.data(), text.size());
    found.addresses.emplace_back(text.data());
  };
  constexpr int most = base::limits::name_addresses_max;
  int count = most;
  if (family == Family::v4) {
    std::array<ares_addrttl, most> rows;
    status = ares_parse_a_reply(bytes, size, nullptr, rows.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
      add(AF_INET, &rows[static_cast<std::size_t>(i)].ipaddr,
          rows[static_cast<std::size_t>(i)].ttl);
  } else {
    std::array<ares_addr6ttl, most> rows;
    status = ares_parse_aaaa_reply(bytes, size, nullptr, rows.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
      add(AF_INET6, &rows[static_cast<std::size_t>(i)].ip6addr,
          rows[static_cast<std::size_t>(i)].ttl);
  }
  if (status == ARES_SUCCESS && found.addresses.empty()) status = ARES_ENODATA;
  found.ttl = std::chrono::seconds(seconds);
  return found;
}

}  // namespace

struct DnsChannel::Ares {
  Ares() = default;
  ~Ares() {
    closing = true;
    if (plain != nullptr) ares_destroy(plain);
    if (failing_over != nullptr) ares_destroy(failing_over);
  }
  Ares(const Ares&) = delete;
  Ares& operator=(const Ares&) = delete;

  int epoll = -1;
  bool closing = false;
  // c-ares turns SERVFAIL and REFUSED into "no server can be reached", unless it is told not to
  // check; but only when it checks does it try the next server. So the first channel asks, and the
  // second, which exists when there are several servers, when a server itself failed.
  ares_channel plain = nullptr, failing_over = nullptr;
};

/// One question while c-ares has it; deletes itself in its callback, which always comes.
struct DnsChannel::Question {
  DnsChannel& channel;
  std::string name;
  int type;
  std::function<void(int status, const unsigned char* bytes, int size)> done;
  int first_status = ARES_SUCCESS;  ///< Of the channel that knows why.

  static void answered(void* arg, int status, int, unsigned char* bytes, int size) {
    std::unique_ptr<Question> self(static_cast<Question*>(arg));
    Ares& ares = *self->channel.ares_;
    if (ares.closing) return;
    if (of_server(status) && ares.failing_over != nullptr && self->first_status == ARES_SUCCESS) {
      self->first_status = status;
      return self.release()->ask(ares.failing_over);
    }
    if (status == ARES_ECONNREFUSED && self->first_status != ARES_SUCCESS)
      status = self->first_status;
    self->done(status, bytes, size);
  }
  void ask(ares_channel through) {
    ares_query(through, name.c_str(), ns_c_in, type, &answered, this);
  }
};

DnsChannel::DnsChannel() : ares_(std::make_unique<Ares>()) {}
DnsChannel::~DnsChannel() = default;

Result<std::unique_ptr<DnsChannel>> DnsChannel::open(const NameFiles& files, int epoll) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  std::unique_ptr<DnsChannel> channel(new DnsChannel);
  Ares& ares = *channel->ares_;
  ares.epoll = epoll;
  std::string path = files.resolv_conf, lookups = "b";  // "b": only ask, the files are ours
  ares_options options{};
  options.timeout = first_wait_ms;
  options.tries = tries;
  options.lookups = lookups.data();
  options.resolvconf_path = path.data();
  options.sock_state_cb = &on_socket;
  options.sock_state_cb_data = &ares.epoll;
  constexpr int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                       ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB;
  const auto make = [&](ares_channel& into, int flags) {
    options.flags = flags;
    int status = ares_init_options(&into, &options, mask);
    if (status == ARES_SUCCESS && !files.servers.empty())
      status = ares_set_servers_ports_csv(into, files.servers.c_str());
    return status;
  };
  int status = library;
  if (status == ARES_SUCCESS) status = make(ares.plain, ARES_FLAG_NOCHECKRESP);
  ares_addr_port_node* servers = nullptr;
  if (status == ARES_SUCCESS) status = ares_get_servers_ports(ares.plain, &servers);
  if (status == ARES_SUCCESS && servers != nullptr && servers->next != nullptr)
    status = make(ares.failing_over, 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const auto* one = servers; one != nullptr; one = one->next) {
    ::inet_ntop(one->family, &one->addr, text.data(), text.size());
    channel->asked_ += (one == servers ? "" : ", ") + std::string(text.data());
  }
  if (servers != nullptr) ares_free_data(servers);
  if (status != ARES_SUCCESS)
    return Error{.outcome = Outcome::dns_error,
                 .reason = "temporary",
                 .message = files.resolv_conf + ": " + ares_strerror(status),
                 .phase = Phase::dns};
  channel->asked_ += stamp_of(files.resolv_conf).size == 0
                         ? ", because " + files.resolv_conf + " is missing or empty"
                         : " of " + files.resolv_conf;
  ares_options saved{};
  int saved_mask = 0;
  if (ares_save_options(ares.plain, &saved, &saved_mask) == ARES_SUCCESS) {
    for (int i = 0; i < saved.ndomains; ++i) channel->search_.emplace_back(saved.domains[i]);
    channel->ndots_ = saved.ndots;
    ares_destroy_options(&saved);
  }
  return channel;
}

void DnsChannel::ask(const std::string& name, Family family, Done done) {
  auto read = [this, family, done = std::move(done)](int status, const unsigned char* bytes,
                                                     int size) {
    if (status == ARES_SUCCESS) {
      auto found = read_answer(family, bytes, size, status);
      if (status == ARES_SUCCESS) return done(std::move(found));
    }
    done(failure(status));
  };
  const int type = family == Family::v4 ? ns_t_a : ns_t_aaaa;
  (new Question{*this, name, type, std::move(read)})->ask(ares_->plain);
}

void DnsChannel::ask_services(const std::string& name, ServiceRecordsDone done) {
  auto read = [this, done = std::move(done)](int status, const unsigned char* bytes, int size) {
    if (status == ARES_SUCCESS)
      return done(read_service_records(bytes, static_cast<std::size_t>(size)));
    Error error = failure(status);
    if (status == ARES_ENODATA) error.message = "the name has no SRV record";
    done(std::move(error));
  };
  (new Question{*this, name, ns_t_srv, std::move(read)})->ask(ares_->plain);
}

void DnsChannel::process(int fd) {
  const ares_socket_t ready = fd < 0 ? ARES_SOCKET_BAD : fd;
  ares_process_fd(ares_->plain, ready, ready);
  if (ares_->failing_over != nullptr) ares_process_fd(ares_->failing_over, ready, ready);
}

std::optional<Duration> DnsChannel::next_look() const {
  std::optional<Duration> soonest;
  for (ares_channel one : {ares_->plain, ares_->failing_over}) {
    timeval left{};
    if (one == nullptr || ares_timeout(one, nullptr, &left) == nullptr) continue;
    const Duration wait =
        std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    soonest = std::min(soonest.value_or(wait), wait);
  }
  return soonest;
}

Error DnsChannel::failure(int status) const {
  const char* reason = "temporary";
  std::string text = "the name server failed; asked " + asked_;
  switch (status) {
    case ARES_ENOTFOUND:
      reason = "not_found";
      text = "the name does not exist";
      break;
    case ARES_ENODATA:
      reason = "no_address";
      text = "the name has no address";
      break;
    case ARES_EBADNAME:
      reason = "not_found";
      text = "the name is no valid host name";
      break;
    case ARES_ETIMEOUT:
      reason = "timeout";
      text = "no name server answered; asked " + asked_;
      break;
    case ARES_EREFUSED:
      reason = "refused";
      text = "the name server refused the question; asked " + asked_;
      break;
    case ARES_ECONNREFUSED:
      reason = "refused";
      text = "no name server can be reached; asked " + asked_;
      break;
    default:
      break;
  }
  return {.outcome = Outcome::dns_error,
          .reason = reason,
          .message = std::move(text),
          .phase = Phase::dns};
}

}  // namespace callerapi::wire
