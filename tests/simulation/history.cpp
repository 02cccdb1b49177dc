#include "simulation/history.hpp"

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "policy/async_call.hpp"
#include "simulation/ledger.hpp"
#include "simulation/network.hpp"
#include "simulation/parts.hpp"
#include "simulation/service.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration storm = 60s;    ///< Faults, cancellations and reloads happen for so long.
constexpr Duration healing = 90s;  ///< Then nothing fails; longer than any policy remembers.

struct SimInstance {
  std::string address;
  std::shared_ptr<Manners> manners = std::make_shared<Manners>();
  std::shared_ptr<policy::Instance> real;
};

struct SimService {
  std::string name, authority;
  policy::Settings settings;
  pool::Settings pool;
  std::vector<SimInstance> instances;
  std::shared_ptr<const policy::InstanceSet> set;
  std::shared_ptr<policy::ServiceState> state = std::make_shared<policy::ServiceState>();
};

class History {
 public:
  History(std::uint64_t seed, int calls) : loop_(seed), calls_(calls) {}

  Verdict run() {
    build();
    for (int i = 0; i < calls_; ++i) loop_.after(below(storm), [this] { begin_call(30s); });
    for (std::uint64_t i = 0; i < 4 + loop_.rng().below(12); ++i)
      loop_.after(below(storm), [this] { disturb(); });
    loop_.run_until(loop_.now() + storm);
    heal();
    loop_.run_until(loop_.now() + healing);
    const std::size_t healed_from = ledger_.calls.size();
    for (auto& service : services_) begin(service, "GET", false, 10s);
    loop_.run_until(loop_.now() + 30s);
    return verdict(healed_from);
  }

 private:
  Duration below(Duration limit) {
    return Duration(
        static_cast<Duration::rep>(loop_.rng().below(static_cast<std::uint64_t>(limit.count()))));
  }
  bool chance(std::uint64_t of_1000) { return loop_.rng().below(1000) < of_1000; }

  void build() {
    const std::uint64_t count = 1 + loop_.rng().below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      SimService service;
      service.name = "s" + std::to_string(i);
      service.authority = service.name + ".sim";
      // For good: on a connection that was used without names an unasked answer cannot be told.
      service.settings.request_id = chance(300);
      set_terms(service);
      const std::uint64_t places = 1 + loop_.rng().below(3);
      for (std::uint64_t k = 0; k < places; ++k) add_instance(service);
      publish(service);
      services_.push_back(std::move(service));
    }
  }

  void set_terms(SimService& service) {
    policy::Settings& s = service.settings;
    s.retry.max_attempts = 1 + static_cast<int>(loop_.rng().below(5));
    s.timeouts.total = 500ms + below(5s);
    if (chance(500)) s.timeouts.attempt = 200ms + below(s.timeouts.total - 200ms);
    s.timeouts.read_idle = 100ms + below(2s);
    s.retry.on_500 = chance(300);
    set_policies(s);
    s.balance.policy = static_cast<policy::BalancePolicy>(loop_.rng().below(4));
    s.ejection.mode = static_cast<policy::EjectionMode>(loop_.rng().below(3));
    service.pool.connections_max = 1 + static_cast<int>(loop_.rng().below(6));
    service.pool.queue_max = chance(200) ? 2 : 1024;
    // For good: what one origin may have had is not taken from it by another's settings.
    service.pool.service_connections_max = service_max_;
  }

  void set_policies(policy::Settings& s) {
    const auto pick = [&](auto... values) {
      const std::array all{values...};
      return all[loop_.rng().below(all.size())];
    };
    using enum policy::BalancePolicy;
    s.balance.policy = pick(p2c_ewma, round_robin, least_request, first, ring_hash);
    s.breaker.mode = pick(policy::BreakerMode::off, policy::BreakerMode::dark,
                          policy::BreakerMode::on, policy::BreakerMode::forced_closed);
    s.breaker.consecutive_failures = pick(5, 40);
    s.ejection.mode = pick(policy::EjectionMode::off, policy::EjectionMode::on);
    s.budget = {pick(0, 100, 1000), pick(0, 1, 10)};
    s.limits.inflight = pick(2, 256, 0);
    s.limits.adaptive = pick(policy::Adaptive::off, policy::Adaptive::gradient2);
    s.limits.rate = pick(0, 0, 5);
    s.limits.queue = pick(0, 2, 64);
    s.limits.priority =
        pick(policy::Priority::critical, policy::Priority::normal, policy::Priority::background);
  }

  void add_instance(SimService& service) {
    SimInstance one;
    one.address = "10.0.0." + std::to_string(++addresses_);
    misbehave(*one.manners);
    loop_.network().places[one.address] = {
        Door::open, [manners = one.manners, this] { return make_service(manners, ledger_); }};
    one.real = std::make_shared<policy::Instance>();
    one.real->name = one.address + ":80";
    one.real->health = std::make_shared<policy::InstanceHealth>(loop_.now());
    pool::Settings settings = service.pool;
    settings.host = one.address;
    one.real->weight = 1 + static_cast<double>(loop_.rng().below(3));
    one.real->health = std::make_shared<policy::InstanceHealth>(loop_.now());
    one.real->origin =
        std::make_shared<pool::Origin>(settings, loop_, family_, service.state->quota);
    service.instances.push_back(std::move(one));
  }

  void publish(SimService& service) {
    std::vector<std::shared_ptr<policy::Instance>> all;
    for (const SimInstance& one : service.instances) all.push_back(one.real);
    service.set =
        std::make_shared<policy::InstanceSet>(std::move(all), policy::BalancePolicy::ring_hash);
  }

  void misbehave(Manners& manners) {
    const std::uint64_t most = chance(300) ? 400 : chance(500) ? 60 : 1;
    for (auto part : {&Manners::unavailable, &Manners::server_error, &Manners::throttled,
                      &Manners::cut_request, &Manners::no_answer, &Manners::cut_answer,
                      &Manners::silent, &Manners::gibberish, &Manners::excess})
      manners.*part = chance(400) ? loop_.rng().below(most) : 0;
    manners.leaves_after = chance(500) ? loop_.rng().below(1000) : 0;
    manners.work_max = chance(200) ? 2s : 20ms;
  }

  void disturb() {
    SimService& service = services_[loop_.rng().below(services_.size())];
    SimInstance& one = service.instances[loop_.rng().below(service.instances.size())];
    switch (loop_.rng().below(6)) {
      case 0:
        loop_.network().places[one.address].door = chance(500) ? Door::refuses : Door::swallows;
        break;
      case 1:
        loop_.network().places[one.address].door = Door::open;
        break;
      case 2:
        misbehave(*one.manners);
        break;
      case 3:
        loop_.network().names_fail = !loop_.network().names_fail;
        break;
      default:
        reload(service);
    }
  }

  /// Other values, another instance, or one less: calls that have begun keep what they began with.
  void reload(SimService& service) {
    ++verdict_.reloads;
    if (chance(500)) set_terms(service);
    if (chance(300)) add_instance(service);
    if (chance(300) && service.instances.size() > 1) {
      service.instances.front().real->origin->drain();
      service.instances.erase(service.instances.begin());
    }
    publish(service);
  }

  void heal() {
    loop_.network().names_fail = false;
    for (auto& [address, place] : loop_.network().places) place.door = Door::open;
    for (SimService& service : services_)
      for (SimInstance& one : service.instances) *one.manners = {};
  }

  void begin_call(Duration within) {
    constexpr const char* methods[] = {"GET", "GET", "PUT", "DELETE", "POST", "POST"};
    SimService& service = services_[loop_.rng().below(services_.size())];
    const char* method = methods[loop_.rng().below(6)];
    const std::size_t call = begin(service, method, chance(300), within);
    if (!chance(80)) return;
    loop_.after(below(2s), [this, call] {
      const auto running = running_.find(call);
      if (running == running_.end()) return;
      ledger_.calls[call].cancelled = true;
      const auto kept = running->second;
      kept->end({.outcome = Outcome::cancelled, .reason = "cancelled", .message = "cancelled"});
    });
  }

  std::size_t begin(SimService& service, const std::string& method, bool keyed, Duration within) {
    const std::size_t call = ledger_.calls.size();
    Request request = Request{}
                          .header("Sim-Call", std::to_string(call))
                          .hash_key(call % 3 == 0 ? "" : std::to_string(call % 7))
                          .timeout(std::min(within, service.settings.timeouts.total));
    if (method == "PUT" || method == "POST") {
      Body body = Body::text(std::string(call * 91 % 5000, 'x'), "text/plain");
      static_cast<void>(std::move(request).body(std::move(body)));
    }
    const policy::ServiceView view{service.name, "http", service.authority, "", "sim", ""};
    auto parts =
        parts_of({loop_, counters_}, view, node_of(service.set, service.state, service.settings),
                 method, "/x", std::move(request))
            .value();
    policy::Prepared& prepared = parts->prepared;
    prepared.may_repeat = method != "POST" || keyed;
    ledger_.calls.push_back({.service = service.name,
                             .method = method,
                             .keyed = keyed,
                             .attempts_max = prepared.attempts_max,
                             .began = loop_.now(),
                             .deadline = prepared.deadline});
    auto running = std::make_shared<policy::AsyncCall>(
        std::move(parts),
        [this, call](Result<Response> result) {
          loop_.note(result ? static_cast<std::uint64_t>(result->status) : 7);
          ledger_.told(call, std::move(result), loop_.now());
        },
        [this, call](policy::LoopCall&) { running_.erase(call); });
    running_.emplace(call, running);
    running->begin();
    return call;
  }

  Verdict verdict(std::size_t healed_from) {
    Verdict& v = verdict_;
    v.breaches = ledger_.check(loop_.now());
    for (std::size_t i = healed_from; i < ledger_.calls.size(); ++i)
      if (ledger_.calls[i].status != 200)
        v.breaches.push_back(ledger_.calls[i].service +
                             " has not healed: " + std::string(name(ledger_.calls[i].outcome)) +
                             "/" + ledger_.calls[i].reason);
    if (!running_.empty()) v.breaches.push_back("calls are left that nobody ended");
    if (counters_.in_flight() != 0)
      v.breaches.push_back(std::to_string(counters_.in_flight()) + " calls count as in flight");
    for (const SimService& service : services_)
      if (service.state->quota->taken() > service_max_)
        v.breaches.push_back(service.name + " has " +
                             std::to_string(service.state->quota->taken()) + " connections");
    for (const SimService& service : services_)
      if (const auto& limits = service.state->limits; limits.in_flight() + limits.waiting() != 0)
        v.breaches.push_back(service.name + " counts " + std::to_string(limits.in_flight()) +
                             " calls within its limits and " + std::to_string(limits.waiting()) +
                             " that wait");
    for (const SimService& service : services_)
      for (const SimInstance& one : service.instances)
        if (one.real->health->in_flight() != 0)
          v.breaches.push_back(one.real->name + " counts " +
                               std::to_string(one.real->health->in_flight()) + " in flight");
    services_.clear();
    loop_.run_until(loop_.now() + 1s);
    if (loop_.network().clients_open != 0)
      v.breaches.push_back(std::to_string(loop_.network().clients_open) + " connections are left");
    for (const Entry& call : ledger_.calls) {
      ++v.calls;
      ++(call.status == 0 ? v.failed : v.answered);
      v.attempts += call.attempts;
    }
    v.history = loop_.history();
    return v;
  }

  Ledger ledger_;
  SimLoop loop_;
  const int calls_;
  const std::shared_ptr<pool::Family> family_ = std::make_shared<pool::Family>();
  // On the heap: AddressSanitizer's stack does not align to a cache line.
  const std::unique_ptr<policy::CallCounters> held_ = std::make_unique<policy::CallCounters>();
  policy::CallCounters& counters_ = *held_;
  std::vector<SimService> services_;
  std::map<std::size_t, std::shared_ptr<policy::AsyncCall>> running_;
  int addresses_ = 0;
  const int service_max_ = 4;
  Verdict verdict_;
};

}  // namespace

Verdict play(std::uint64_t seed, int calls) { return History(seed, calls).run(); }

}  // namespace callerapi::simulation
