#include "caller/health_checks.hpp"

#include <chrono>
#include <vector>

#include "base/outcomes.hpp"

namespace callerapi::caller {
namespace {

using namespace std::chrono_literals;

/// As much of a service as a check needs. Its state is its own, as is what it is called with.
struct CheckedService : policy::Callee {
  std::shared_ptr<const catalogue::Service> service;
  policy::Settings settings;
};

/// Does it say of the instance that it is not well? Waiting for a connection of our own, or for a
/// name, says nothing of it; one that was being opened for half of the time at least does.
bool blames_instance(const Error& error, const pool::Origin& origin, TimePoint half) {
  if (base::row_of(error.outcome).outlier == base::Verdict::failure) return true;
  if (error.outcome != Outcome::deadline_exceeded) return false;
  if (error.phase != Phase::queue) return error.phase != Phase::dns;
  const auto opening = origin.opening(half);
  return opening == Phase::connect || opening == Phase::tls;
}

std::shared_ptr<CheckedService> only(const std::shared_ptr<const catalogue::Service>& service,
                                     const policy::Instance& instance, TimePoint now) {
  auto one = std::make_shared<policy::Instance>(instance);
  one->health = std::make_shared<policy::InstanceHealth>(now);
  auto callee = std::make_shared<CheckedService>();
  callee->instances = std::make_shared<policy::InstanceSet>(std::vector{std::move(one)});
  callee->state = std::make_shared<policy::ServiceState>();
  callee->generation = service->generation;
  callee->service = service;
  callee->settings = service->settings.policy;
  callee->settings.limits = {.inflight = 0};
  callee->settings.breaker.mode = policy::BreakerMode::off;
  callee->settings.hedge = {};
  return callee;
}

}  // namespace

struct HealthChecks::Checked {
  std::weak_ptr<policy::InstanceHealth> health;
  TimePoint next;
  int passed = 0, failed = 0;  ///< In a row.
  bool there = true, asking = false;
  bool unwell = false;        ///< By its checks.
  TimePoint ejected_until{};  ///< When it was looked at last; what passed before counts no more.
};

HealthChecks::HealthChecks(base::Log log, wire::Loop& loop, Send send)
    : log_(std::move(log)), loop_(loop), send_(std::move(send)) {}

void HealthChecks::sweep(const catalogue::Snapshot& snapshot) {
  if (snapshot.checking.empty() && checked_.empty()) return;
  for (const auto& [name, one] : checked_) one->there = false;
  for (const auto& service : snapshot.checking) look_at(service);
  std::erase_if(checked_, [](const auto& entry) { return !entry.second->there; });
}

void HealthChecks::look_at(const Service& service) {
  const Duration interval = service->settings.policy.check.interval;
  const auto all = service->instances->all();
  const TimePoint now = loop_.now();
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& one = checked_[{service->name, all[i]->name}];
    if (!one || one->health.lock() != all[i]->health) {
      one = std::make_shared<Checked>();
      one->health = all[i]->health;
      // Spread, so that a thousand are not asked at once.
      one->next =
          now + interval * static_cast<Duration::rep>(i) / static_cast<Duration::rep>(all.size());
    }
    one->there = true;
    one->next = std::min(one->next, now + interval);
    if (one->asking || now < one->next) continue;
    one->next = now + interval;
    ask(service, all[i], one);
  }
}

void HealthChecks::ask(const Service& service, const One& instance,
                       const std::shared_ptr<Checked>& checked) {
  const policy::CheckTerms& terms = service->settings.policy.check;
  const auto callee = only(service, *instance, loop_.now());
  auto parts = std::make_unique<policy::CallParts>();
  parts->loop = &loop_;
  parts->callee = callee;
  parts->counters = &counters_;
  Request request = Request{}.timeout(terms.timeout).max_attempts(1);
  auto done = [this, service, instance,
               weak = std::weak_ptr(checked)](const Result<Response>& answer) {
    --under_way_;
    const auto known = weak.lock();
    if (!known) return;
    known->asking = false;
    heard(*service, *instance, *known, answer);
  };
  ++under_way_;
  if (auto prepared = policy::prepare_ad_hoc(parts->prepared, service->view(), "GET", terms.path,
                                             callee->settings, request, loop_);
      !prepared)
    return done(std::move(prepared).error());
  checked->asking = true;
  send_(std::move(parts), std::move(done));
}

void HealthChecks::heard(const catalogue::Service& service, const policy::Instance& instance,
                         Checked& checked, const Result<Response>& answer) {
  const TimePoint ejected = instance.health->ejected_until();
  if (ejected != checked.ejected_until) checked.passed = 0;
  if (answer && answer->status < 400) {
    passed(service, instance, checked);
  } else if (answer) {
    failed(service, instance, checked, "it answered " + std::to_string(answer->status));
  } else if (blames_instance(answer.error(), *instance.origin,
                             loop_.now() - service.settings.policy.check.timeout / 2)) {
    failed(service, instance, checked, answer.error().message);
  }
  checked.ejected_until = instance.health->ejected_until();
}

void HealthChecks::passed(const catalogue::Service& service, const policy::Instance& instance,
                          Checked& checked) {
  const policy::Settings& settings = service.settings.policy;
  base::count(service.state->checks.passed);
  checked.failed = 0;
  if (++checked.passed < settings.check.healthy_after) {
    if (checked.unwell) keep_out(service, instance);
    return;
  }
  service.state->ejector.let_in(*instance.health, loop_.now());
  if (std::exchange(checked.unwell, false))
    log_.write(LogLevel::info, "check",
               service.name + ": " + instance.name + " passes its checks again");
}

void HealthChecks::failed(const catalogue::Service& service, const policy::Instance& instance,
                          Checked& checked, const std::string& why) {
  const policy::Settings& settings = service.settings.policy;
  base::count(service.state->checks.failed);
  checked.passed = 0;
  if (++checked.failed < settings.check.unhealthy_after && !checked.unwell) return;
  keep_out(service, instance);
  if (!std::exchange(checked.unwell, true))
    log_.write(LogLevel::warning, "check",
               service.name + ": " + instance.name + " fails its checks: " + why);
}

/// Until after the next check, which prolongs it: should there be none, it ends by itself.
void HealthChecks::keep_out(const catalogue::Service& service, const policy::Instance& instance) {
  const policy::Settings& settings = service.settings.policy;
  const TimePoint now = loop_.now();
  const TimePoint until = now + 2 * (settings.check.interval + settings.check.timeout) + 2s;
  service.state->ejector.keep_out(service.instances->balancer().all(), *instance.health,
                                  settings.ejection, until, now);
}

}  // namespace callerapi::caller
