#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/histogram.hpp"
#include "wire/dns_channel.hpp"
#include "wire/dns_lookup.hpp"
#include "wire/loop.hpp"
#include "wire/name_cache.hpp"
#include "wire/name_files.hpp"
#include "wire/name_settings.hpp"
#include "wire/service_records.hpp"
#include "wire/workers.hpp"

namespace callerapi::wire {

// An old answer is used before timeouts.dns = 2s ends the call that waits for a new one.
inline constexpr Duration stale_patience = std::chrono::milliseconds(500);
// The hosts file and resolv.conf are looked at again when a name must be asked for, not oftener.
inline constexpr Duration name_files_every = std::chrono::seconds(1);

/// What asking for names came to; answers of the cache are not asked for. Thread-safe.
struct NameCounters {
  base::Histogram found, failed;  ///< How long it took.
  base::Counter stale{0};         ///< Questions answered with what had been good before.
};

/// Names to addresses for one loop: `[caller.hosts]`, the cache, the hosts file, `localhost`, then
/// the resolver; one question per name is open at a time. On the loop's thread but for the
/// constructor. Files are read and getaddrinfo is called by `workers`, which must end before this.
class Names {
 public:
  Names(Loop& loop, Workers& workers, NameFiles files);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// Readable when process() has something to do; negative: the process has no descriptor left.
  int fd() const noexcept { return epoll_; }
  void process();

  void set(NameSettings settings);
  void resolve(const std::string& host, std::uint16_t port, Loop::Resolved done);
  /// The SRV records of a name, by the name servers alone and every time anew: who asks keeps what
  /// he heard. Search domains count as for other names. `done` may run at once; never, when this
  /// goes before. Errors: `dns_error`.
  void services(const std::string& name, ServiceRecordsDone done);
  const NameCounters& counters() const noexcept { return counters_; }

 private:
  struct Waiter {
    std::uint16_t port;
    Loop::Resolved done;
  };
  /// One name while it is asked for.
  struct Flight;
  /// What a worker found in the files.
  struct News;

  void begin(const std::string& name);
  void check_files();
  void ask_services(std::vector<std::string> names, ServiceRecordsDone done);
  void on_news(News news);
  void ask(const std::string& name);
  void ask_system(const std::string& name);
  void patience_over(const std::string& name);
  void finish(const std::string& name, Result<Found> found);
  void tell(std::vector<Waiter> waiters, const NameCache::Answer& answer);
  void process_channels(int fd);
  void settle_channels();

  Loop& loop_;
  Workers& workers_;
  const NameFiles files_;
  int epoll_ = -1;
  NameSettings settings_;
  NameCounters counters_;
  NameCache cache_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
  Timer timer_;  ///< For the channels.

  HostTable hosts_;
  std::optional<FileStamp> hosts_stamp_, resolv_stamp_;
  std::optional<TimePoint> files_seen_;
  bool checking_ = false;
  std::vector<std::string> awaiting_files_;
  std::vector<std::function<void()>> services_awaiting_files_;

  std::optional<Error> no_channel_;
  /// The last answers new questions; the others finish theirs.
  std::vector<std::unique_ptr<DnsChannel>> channels_;
  bool processing_ = false;  ///< A channel is running: none may go.
};

}  // namespace callerapi::wire
