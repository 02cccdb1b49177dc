#include "caller/host.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/fork.hpp"
#include "base/futex.hpp"
#include "base/units.hpp"
#include "caller/pending.hpp"
#include "caller/thread_shard.hpp"
#include "caller/watch_files.hpp"
#include "policy/call_times.hpp"

namespace callerapi::caller {
namespace {

constexpr Duration sweep_every = std::chrono::seconds(1);

Error closing_error() {
  return {.outcome = Outcome::shutdown, .reason = "closing", .message = "the Caller is closing"};
}

/// Runs `task` on the loop and waits for it.
void on_loop(wire::Loop& loop, const std::function<void()>& task) {
  if (loop.inside()) return task();
  std::atomic<std::uint32_t> done{0};
  loop.post([&] {
    task();
    done = 1;
    base::futex_wake_all(done);
  });
  while (done.load() == 0) base::futex_wait_until(done, 0, no_deadline);
}

bool is_on(const registry::Environment& environment, const char* variable) {
  const auto found = environment.find(variable);
  return found != environment.end() && found->second == "1";
}

}  // namespace

Host::Host(Source source, Options options, std::shared_ptr<const base::Clock> clock)
    : source_(std::move(source)),
      options_(std::move(options)),
      clock_(clock ? std::move(clock) : std::make_shared<base::SystemClock>()),
      log_(options_.log),
      spans_(options_.on_span ? std::make_unique<Spans>(options_.on_span, *clock_, log_) : nullptr),
      fork_count_(base::fork_count()),
      safe_mode_(is_on(environment_of(options_), "CALLERAPI_SAFE_MODE")),
      debug_plugins_(is_on(environment_of(options_), "CALLERAPI_DEBUG_PLUGINS")),
      own_pool_(options_.executor ? nullptr : std::make_shared<base::PoolExecutor>(1)),
      executor_(options_.executor ? options_.executor : own_pool_),
      executor_inline_(executor_ == Executor::inline_executor()),
      prober_(options_.probe),
      snapshots_(std::make_shared<const catalogue::Snapshot>()),
      publisher_(std::make_unique<wire::Workers>(1)),
      reaper_(std::make_unique<host::Reaper>(log_, plugin_counters_)) {}

Result<std::shared_ptr<Host>> Host::open(Source source, Options options,
                                         std::shared_ptr<const base::Clock> clock,
                                         wire::NameFiles names) {
  std::shared_ptr<Host> host(new Host(std::move(source), std::move(options), std::move(clock)));
  if (host->own_pool_ && host->own_pool_->refused()) return *host->own_pool_->refused();
  auto reactor = wire::Reactor::start(*host->clock_, std::move(names));
  if (!reactor) return std::move(reactor).error();
  host->reactor_ = std::move(*reactor);
  host->lane_ = std::make_unique<Lane>(*host->reactor_);
  host->credentials_ = std::make_unique<Credentials>(
      host->log_, *host->reactor_,
      [self = host.get()](const std::string& service, const std::string& path, Request request,
                          std::function<void(Result<Response>)> done) {
        self->post_for_token(service, path, std::move(request), std::move(done));
      });
  host->checks_ = std::make_unique<HealthChecks>(
      host->log_, *host->reactor_,
      [self = host.get()](policy::CallPartsPtr parts, policy::AsyncCall::Done done) {
        parts->transport = self->options_.transport;
        self->begin_async(std::move(parts), std::move(done));
      });
  host->instance_files_ = std::make_unique<InstanceFiles>(
      [self = host.get()] { self->reactor_->post([self] { self->look_for_instances(); }); });
  if (host->debug_plugins_)
    host->log_.write(LogLevel::warning, "host",
                     "CALLERAPI_DEBUG_PLUGINS=1: plugins are loaded from their files, and a new "
                     "version needs a restart");
  const bool watched = !host->source_.file.empty() && host->options_.watch;
  // Before it is read: plugins take their time, and what is written meanwhile must not be missed.
  std::string seen = watched ? registry::FileWatch::digest_of(host->source_.file) : "";
  if (auto loaded = host->reload(); !loaded) return std::move(loaded).error();
  host->reactor_->post([self = host.get()] {
    self->sweep_timer_.emplace([self] { self->sweep(); });
    self->reactor_->arm(*self->sweep_timer_, self->reactor_->now() + sweep_every);
  });
  if (!watched) return host;
  base::Lock lock(host->control_);
  auto watch = watch_files(host->source_.file, std::move(seen), [self = host.get()] {
    auto done = self->reload();
    if (!done) self->log_.write(LogLevel::error, "registry", done.error().message);
    return done.has_value();
  });
  if (!watch) return std::move(watch).error();
  host->watch_ = std::move(*watch);
  host->watch_plugins();
  return host;
}

Host::~Host() {
  if (!reactor_) return;
  if (watch_) watch_->stop();  // its thread may be in reload(), which uses it
  instance_files_.reset();
  end_calls();
  on_loop(*reactor_, [this] {
    if (sweep_timer_) reactor_->disarm(*sweep_timer_);
    looking_ = false;
  });
  lane_->join();
  if (own_pool_) own_pool_->stop();  // what it still runs may ask this for anything
  publisher_.reset();
  snapshots_.publish(std::make_shared<const catalogue::Snapshot>());
  snapshots_.let_go();
  {
    base::Lock lock(control_);
    for (auto& [name, built] : built_)
      if (built.generation->code) built.generation->code->close();
    built_.clear();
  }
  credentials_->stop();
  on_loop(*reactor_, [] {});  // what it had begun has been refused
  reactor_.reset();
  credentials_.reset();
  reaper_.reset();
  log_.close();  // a plugin that hangs has the log too
}

Error Host::forked_error() {
  return {.outcome = Outcome::forked,
          .reason = "forked",
          .message = "this Caller belongs to the parent process; open a new one after fork()"};
}

bool Host::forked() const noexcept { return base::fork_count() != fork_count_; }

void Host::abandon() noexcept {
  kept_ = shared_from_this();
  // Joining would wait for threads that do not exist here; closing would end the parent's sockets.
  if (watch_) watch_->abandon();
  if (instance_files_) instance_files_->abandon();
  if (lane_) lane_->abandon();
  if (publisher_) publisher_->abandon();
  if (credentials_) credentials_->abandon();
  if (reaper_) reaper_->abandon();
  if (reactor_) {
    reactor_->abandon();
    (void)reactor_.release();
  }
}

Result<Host::Begun> Host::begin(std::string_view name) {
  if (forked()) return forked_error();
  if (closing_) return closing_error();
  return begin_own(name);
}

/// Also while calls drain, which may need it.
Result<Host::Begun> Host::begin_own(std::string_view name) {
  if (ending_) return closing_error();
  // A closed plugin means that a newer generation is published, or about to be: look again.
  for (int looks = 0; looks < 100; ++looks) {
    const auto found = snapshots_.read()->find(name);
    if (!found) return found.error();
    const std::shared_ptr<const catalogue::Service>& service = **found;
    policy::PluginCode* const code = service->code.get();
    policy::Lease lease(code);
    if (code && !lease) continue;
    auto parts = std::make_unique<policy::CallParts>();
    parts->loop = reactor_.get();
    parts->callee = service;
    parts->counters = &call_counters_;
    parts->log = &call_log_;
    parts->observer = spans_.get();
    parts->transport = options_.transport;
    parts->code = std::move(lease);
    return Begun{std::move(parts), service.get()};
  }
  return Error{.outcome = Outcome::unloaded,
               .reason = "closing",
               .message = std::string(name) + ": its plugin is being replaced"};
}

Result<Response> Host::run(Parts parts) {
  if (!parts) return std::move(parts).error();
  if (!reactor_->inside()) {
    // Two requests at once are the loop's business.
    if (policy::may_hedge(**parts)) return start(std::move(parts)).get();
    (*parts)->shard = thread_shard();
    return policy::run_here(std::move(*parts), nullptr);
  }
  return Error{Outcome::invalid_argument, "would_deadlock",
               "a blocking call on the reactor's own thread would wait for itself; use start()"};
}

std::weak_ptr<policy::LoopCall> Host::begin_async(policy::CallPartsPtr parts,
                                                  policy::AsyncCall::Done done) {
  auto call = policy::make_loop_call(std::move(parts), std::move(done),
                                     [this](policy::LoopCall& ended) { forget(ended); });
  std::weak_ptr<policy::LoopCall> seen = call;
  base::Lock lock(starting_mutex_);
  // Under the lock: nobody who lines up behind may reach the loop before, to cancel say.
  if (starting_.empty()) reactor_->post([this] { begin_starting(); });
  starting_.push_back(std::move(call));
  return seen;
}

void Host::begin_starting() {
  {
    base::Lock lock(starting_mutex_);
    beginning_.swap(starting_);
  }
  for (const auto& call : beginning_) {
    call->place = loop_calls_.size();
    loop_calls_.push_back(call);
    ending_ ? call->end(closing_error()) : call->begin();
  }
  beginning_.clear();
}

/// The last one takes its place.
void Host::forget(policy::LoopCall& call) {
  const std::size_t place = call.place;
  const auto ended = std::move(loop_calls_[place]);
  if (place + 1 < loop_calls_.size()) {
    loop_calls_[place] = std::move(loop_calls_.back());
    loop_calls_[place]->place = place;
  }
  loop_calls_.pop_back();
}

Call<Response> Host::start(Parts parts) {
  auto pending = std::make_shared<Pending>(completions(), *reactor_);
  if (!parts) {
    pending->complete(std::move(parts).error());
    return {std::move(pending), nullptr};
  }
  pending->keep(pending);
  const auto done = [to = pending.get()](Result<Response>&& result) {
    to->complete(std::move(result));
  };
  if ((*parts)->prepared.blocking()) {
    auto token = std::make_shared<policy::StopToken>();
    pending->on_cancel([lane = lane_.get(), token] { lane->stop(*token, cancelled_error()); });
    lane_->run(std::move(*parts), token, done);
  } else {
    pending->on_cancel(begin_async(std::move(*parts), done));
  }
  return {std::move(pending), nullptr};
}

void Host::post_for_token(const std::string& service, const std::string& path, Request request,
                          policy::AsyncCall::Done done) {
  auto begun = begin_own(service);
  if (!begun) return done(std::move(begun).error());
  policy::Prepared& call = begun->parts->prepared;
  const catalogue::Service& s = *begun->service;
  if (auto prepared = policy::prepare_ad_hoc(call, s.view(), "POST", path, s.settings.policy,
                                             request, *reactor_);
      !prepared)
    return done(std::move(prepared).error());
  // Two tokens are as good as one.
  call.may_repeat = true;
  call.attempt = call.settings->attempt_of(call.total, call.attempts_max > 1);
  begin_async(std::move(begun->parts), std::move(done));
}

void Host::cancel(const Leaving::Pool& pool) {
  const Error why{.outcome = Outcome::unloaded,
                  .reason = "unloaded",
                  .message =
                      "the service was removed from the registry, and its calls did not end "
                      "within the drain time of " +
                      base::format_duration(Leaving::drain_time)};
  // Those on the loop say themselves how far they came; closing the pool reaches all others.
  std::vector<std::shared_ptr<policy::LoopCall>> calls;
  for (const auto& call : loop_calls_)
    if (call->uses(*pool.origin)) calls.push_back(call);
  // Those who wait for their turn first, so that nobody takes the place of one that ends.
  if (pool.state) pool.state->limits.close(why);
  for (const auto& call : calls) call->end(why);
  pool.origin->close(why);
}

void Host::sweep() {
  family_->sweep();
  credentials_->sweep();
  auto& counters = family_->counters;
  if (const auto starved = counters.starved.exchange(0))
    log_.write(LogLevel::warning, "pool",
               std::to_string(starved) + " connects found no file descriptor in the last second; " +
                   std::to_string(counters.sacrificed.exchange(0)) +
                   " idle connections were closed for them; raise the limit of open files");
  for (const Leaving::Pool& pool : leaving_.due(reactor_->now())) cancel(pool);
  look_for_instances();
  if (looking_ && !closing_) checks_->sweep(*std::shared_ptr(snapshots_.read()));
  lane_->try_again();
  publisher_->try_again();
  reactor_->try_again();
  // A reload leaves a snapshot that this thread may have been the last to read.
  if (snapshots_.has_replaced()) publisher_->run([this] { snapshots_.reap(); });
  reactor_->arm(*sweep_timer_, reactor_->now() + sweep_every);
}

Stats Host::stats() const {
  return {.calls = call_counters_.calls,
          .calls_failed = call_counters_.failed,
          .attempts = sum(call_counters_.attempts),
          .retries = call_counters_.retries,
          .connections_opened = family_->counters.opened,
          .connections_reused = family_->counters.reused,
          .connections_open = family_->counters.open,
          .calls_in_flight = call_counters_.in_flight(),
          .reloads_applied = reloads_applied_,
          .reloads_refused = reloads_refused_,
          .generation = snapshots_.read()->number,
          .plugins_draining = plugin_counters_.draining,
          .plugins_overdue = plugin_counters_.overdue,
          .plugins_zombie = host::zombies(),
          .hook_failures = plugin_counters_.hook_failures,
          .hook_slow = plugin_counters_.hook_slow,
          .retries_denied = call_counters_.retries_denied,
          .breaker_rejected = call_counters_.breaker_rejected,
          .hedges = call_counters_.hedges,
          .span_failures = spans_ ? spans_->failures() : 0};
}

void Host::shutdown(Duration drain) {
  if (forked()) return;  // the loop, and what is in flight, are the parent's
  if (closing_.exchange(true)) return;
  std::atomic<std::uint32_t> never{0};
  // On the loop itself, in a completion, there is nothing to wait for: no call could end meanwhile.
  if (reactor_->inside()) drain = Duration::zero();
  const TimePoint until = policy::plus(reactor_->now(), drain);
  while ((call_counters_.in_flight() > 0 || !lane_->empty()) && reactor_->now() < until)
    base::futex_wait_until(never, 0,
                           std::min(until, reactor_->now() + std::chrono::milliseconds(5)));
  end_calls();
}

void Host::end_calls() {
  closing_ = ending_ = true;
  on_loop(*reactor_, [this] {
    lane_->end(closing_error());
    const auto snapshot = snapshots_.read();
    // First, so that nobody takes the place of one that ends.
    for (const auto& [name, service] : snapshot->services)
      service->state->limits.close(closing_error());
    for (const Leaving::Pool& pool : leaving_.all())
      if (pool.state) pool.state->limits.close(closing_error());
    // A copy: each leaves as it ends, and one whose end brought us here leaves later.
    for (const auto calls = loop_calls_; const auto& call : calls) call->end(closing_error());
    for (const auto& [name, service] : snapshot->services)
      for (const auto& instance : service->instances->all())
        instance->origin->close(closing_error());
    for (const Leaving::Pool& pool : leaving_.all()) pool.origin->close(closing_error());
  });
}

}  // namespace callerapi::caller
