// Where services run: the part of Host that keeps the sets of instances.
#include <memory>
#include <string>
#include <utility>

#include "caller/host.hpp"
#include "caller/polled_sites.hpp"
#include "policy/recorded_sites.hpp"
#include "wire/socket.hpp"

namespace callerapi::caller {

std::shared_ptr<policy::Discovery> Host::discovery(const catalogue::Service& service,
                                                   const registry::ServiceEntry& entry) {
  const std::string& host = service.base_url.host;
  const std::uint16_t port = service.base_url.port;
  using Kind = registry::DiscoveryEntry::Kind;
  std::unique_ptr<policy::SiteSource> source;
  if (entry.discovery.kind == Kind::file) {
    source = instance_files_->follow(entry.discovery, {{host, port}});
  } else if (entry.discovery.kind == Kind::http) {
    const registry::DiscoveryEntry& from = entry.discovery;
    source = std::make_unique<PolledSites>(
        from.from + " " + from.path, service.base_url.scheme,
        [this, from](Request request, std::function<void(Result<Response>)> done) {
          get_places(from.from, from.path, std::move(request), std::move(done));
        },
        [loop = reactor_.get()] { return loop->now(); }, std::vector<policy::Site>{{host, port}});
  } else if (entry.discovery.kind == Kind::srv) {
    source = std::make_unique<policy::RecordedSites>(
        [loop = reactor_.get(), name = entry.discovery.from](wire::ServiceRecordsDone done) {
          loop->service_records(name, std::move(done));
        },
        [loop = reactor_.get()] { return loop->now(); }, std::vector<policy::Site>{{host, port}});
  } else if (entry.discovery.kind == Kind::dns) {
    source = std::make_unique<policy::NamedSites>(
        host, port, [loop = reactor_.get(), host, port](wire::Loop::Resolved done) {
          loop->resolve(host, port, std::move(done));
        });
  } else {
    source = std::make_unique<policy::ListedSites>(
        entry.instances.empty() ? std::vector<policy::Site>{{host, port}} : entry.instances);
  }
  return std::make_shared<policy::Discovery>(std::move(source));
}

/// Connections stay where nothing that decides them has changed, and what was learnt of an instance
/// stays as long as it is one.
std::shared_ptr<const policy::InstanceSet> Host::instances(pool::Settings settings,
                                                           const std::vector<policy::Site>& sites,
                                                           policy::BalancePolicy balance,
                                                           policy::ServiceState& state,
                                                           const catalogue::Service* previous) {
  std::vector<std::shared_ptr<policy::Instance>> all;
  const TimePoint born = reactor_->now();  // of all alike: the guess of a latency fades with age
  bool same = previous && previous->instances->all().size() == sites.size() &&
              previous->instances->suits(balance);
  for (const policy::Site& site : sites) {
    settings.host = site.host;
    settings.port = site.port;
    auto one = std::make_shared<policy::Instance>();
    one->name = wire::to_text({site.host, site.port});
    one->weight = site.weight;
    one->priority = site.priority;
    const auto known = previous ? previous->instances->find(one->name) : nullptr;
    const bool pooled = known && known->origin->settings() == settings;
    if (known) one->health = known->health;
    if (pooled) one->origin = known->origin;
    if (pooled && known->weight == one->weight && known->priority == one->priority) one = known;
    if (!one->health) one->health = std::make_shared<policy::InstanceHealth>(born);
    if (!one->origin)
      one->origin = std::make_shared<pool::Origin>(settings, *reactor_, family_, state.quota);
    same = same && one == previous->instances->all()[all.size()];
    all.push_back(std::move(one));
  }
  return same ? previous->instances
              : std::make_shared<policy::InstanceSet>(std::move(all), balance);
}

void Host::get_places(const std::string& service, const std::string& path, Request request,
                      policy::AsyncCall::Done done) {
  auto begun = begin_own(service);
  if (!begun) return done(std::move(begun).error());
  const catalogue::Service& s = *begun->service;
  if (auto prepared = policy::prepare_ad_hoc(begun->parts->prepared, s.view(), "GET", path,
                                             s.settings.policy, request, *reactor_);
      !prepared)
    return done(std::move(prepared).error());
  begin_async(std::move(begun->parts), std::move(done));
}

void Host::look_for_instances() {
  if (!looking_ || closing_) return;
  // A copy: a log sink may ask for the newest one meanwhile.
  const auto snapshot = snapshots_.read();
  for (const auto& service : snapshot->discovering)
    service->discovery->look(reactor_->now(),
                             [this, service = service->name](const policy::Discovery::Told& told) {
                               heard_of_instances(service, told);
                             });
}

void Host::heard_of_instances(const std::string& service, const policy::Discovery::Told& told) {
  if (!looking_) return;
  if (told.failing)
    log_.write(LogLevel::warning, "discovery",
               service + ": its instances stay as they are: " + told.failing->message);
  if (told.recovered) log_.write(LogLevel::info, "discovery", service + ": is answered again");
  // A reload may hold the lock that this takes, and the loop waits for nobody.
  if (told.changed) publisher_->run([this, service] { take_instances(service); });
}

void Host::take_instances(const std::string& service) {
  base::Lock lock(control_);
  const auto found = built_.find(service);
  if (closing_ || found == built_.end()) return;
  const catalogue::Service& before = *found->second.service;
  auto settings = pool_settings(before, found->second.entry);
  if (!settings) return;
  auto set = instances(std::move(*settings), before.discovery->sites(),
                       before.settings.policy.balance.policy, *before.state, &before);
  if (set == before.instances) return;
  std::string names;
  for (const auto& one : set->all()) names += (names.empty() ? "" : ", ") + one->name;
  auto next = std::make_shared<catalogue::Service>(before);
  next->instances = std::move(set);
  BuiltMap built = built_;
  built.at(service).service = std::move(next);
  std::vector<std::string> changes;
  publish(std::move(built), changes);
  log_.write(LogLevel::info, "discovery", service + ": runs at " + names);
}

}  // namespace callerapi::caller
