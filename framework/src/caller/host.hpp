#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/pool_executor.hpp"
#include "caller/credentials.hpp"
#include "caller/diff.hpp"
#include "caller/health_checks.hpp"
#include "caller/history.hpp"
#include "caller/instance_files.hpp"
#include "caller/lane.hpp"
#include "caller/leaving.hpp"
#include "caller/spans.hpp"
#include "callerapi/caller.hpp"
#include "callerapi/stream.hpp"
#include "catalogue/publication.hpp"
#include "catalogue/snapshot.hpp"
#include "host/loader.hpp"
#include "policy/call_log.hpp"
#include "policy/hedged_call.hpp"
#include "policy/sync_call.hpp"
#include "registry/registry.hpp"
#include "registry/watch.hpp"
#include "wire/reactor.hpp"
#include "wire/workers.hpp"

namespace callerapi::caller {

class Pending;

/// Where the registry comes from: a file, or text.
struct Source {
  std::filesystem::path file;
  std::string text;
};

/// The floors wired together: one reactor, one published snapshot, one control plane. Thread-safe.
class Host : public std::enable_shared_from_this<Host> {
 public:
  /// `clock` and `names` are for tests; null: the system's.
  static Result<std::shared_ptr<Host>> open(Source source, Options options,
                                            std::shared_ptr<const base::Clock> clock = nullptr,
                                            wire::NameFiles names = {});
  ~Host();

  /// What a call to that service is made with, its plugin leased; the request is still to be
  /// prepared.
  struct Begun {
    policy::CallPartsPtr parts;
    const catalogue::Service* service;  ///< The callee of `parts`.
  };
  Result<Begun> begin(std::string_view service);
  using Parts = Result<policy::CallPartsPtr>;
  Result<Response> run(Parts parts);
  Call<Response> start(Parts parts);
  /// `refused` may turn a complete answer into an error; it may be empty.
  Call<BodyStream> start_stream(Parts parts,
                                std::function<std::optional<Error>(const Response&)> refused);

  Result<ReloadReport> reload();
  std::vector<ReloadRecord> reloads() const { return history_.all(); }
  std::shared_ptr<const catalogue::Snapshot> snapshot() const { return snapshots_.read(); }
  wire::Loop& loop() noexcept { return *reactor_; }
  TimePoint now() const noexcept { return reactor_->now(); }
  Stats stats() const;
  const host::Counters& plugin_counters() const noexcept { return plugin_counters_; }
  const base::Ages& connection_ages() const noexcept { return family_->counters.ages; }
  const wire::NameCounters& name_counters() const noexcept { return reactor_->name_counters(); }
  const HealthChecks& checks() const noexcept { return *checks_; }
  const policy::CallLog& call_log() const noexcept { return call_log_; }
  void shutdown(Duration drain);
  /// Does this process descend from the one that opened it?
  bool forked() const noexcept;
  static Error forked_error();
  /// Where results are told; null: here and now, as in a forked child, whose executor has no
  /// thread.
  std::shared_ptr<Executor> completions() const {
    return forked() || executor_inline_ ? nullptr : executor_;
  }
  /// In a forked child: gives up threads and descriptors that belong to the parent. What is left
  /// names locks of the parent too, so the object keeps itself and is never destroyed.
  void abandon() noexcept;

 private:
  /// A service as it was built, to tell whether it must be built again.
  struct Built {
    registry::ServiceEntry entry;
    std::shared_ptr<const host::Generation> generation;
    std::shared_ptr<catalogue::Service> service;
  };
  static ServiceFacts facts_of(const Built& built);
  using BuiltMap = std::map<std::string, Built>;

  Host(Source source, Options options, std::shared_ptr<const base::Clock> clock);
  /// The variables a Caller with these options sees, without any file of them.
  static registry::Environment environment_of(const Options& options);
  Result<registry::Registry> read() const;
  Result<BuiltMap> build(const registry::Registry& registry) CALLERAPI_REQUIRES(control_);
  void keep_or_leave_out(const std::string& name, const Error& why, LogLevel level, BuiltMap& next)
      CALLERAPI_REQUIRES(control_);
  std::shared_ptr<policy::Discovery> discovery(const catalogue::Service& service,
                                               const registry::ServiceEntry& entry);
  std::shared_ptr<const policy::InstanceSet> instances(pool::Settings settings,
                                                       const std::vector<policy::Site>& sites,
                                                       policy::BalancePolicy balance,
                                                       policy::ServiceState& state,
                                                       const catalogue::Service* previous);
  /// Asks every service's source. On the reactor's thread.
  void look_for_instances();
  void heard_of_instances(const std::string& service, const policy::Discovery::Told& told);
  /// Publishes what the discovery of that service knows by now.
  void take_instances(const std::string& service);
  Result<pool::Settings> pool_settings(const catalogue::Service& service,
                                       const registry::ServiceEntry& entry) const
      CALLERAPI_REQUIRES(control_);
  host::LoadRequest load_request(const registry::Registry& registry,
                                 const registry::ServiceEntry& entry) CALLERAPI_REQUIRES(control_);
  Result<Built> build_one(const registry::Registry& registry, const registry::ServiceEntry& entry,
                          const host::LoadRequest& request,
                          Result<std::shared_ptr<const host::Generation>> generation)
      CALLERAPI_REQUIRES(control_);
  host::LoadWith load_with() {
    return {{log_, *reaper_, plugin_counters_},
            prober_,
            options_.static_plugins,
            options_.contracts,
            options_.contracts_optional};
  }
  /// `changes`: one line per service, for people.
  ReloadReport publish(BuiltMap next, std::vector<std::string>& changes)
      CALLERAPI_REQUIRES(control_);
  /// After a reload: which plugin files to look at from now on.
  void watch_plugins() CALLERAPI_REQUIRES(control_);
  std::weak_ptr<policy::LoopCall> begin_async(policy::CallPartsPtr parts,
                                              policy::AsyncCall::Done done);
  /// The same for a call that this makes for another one.
  Result<Begun> begin_own(std::string_view service);
  /// Begins what begin_async() has lined up. On the reactor's thread.
  void begin_starting();
  /// Ends all with `shutdown`, and what begins later too.
  void end_calls();
  /// A call on the loop has ended. On the reactor's thread.
  void forget(policy::LoopCall& call);
  /// Asks a service of this Caller for a token.
  void post_for_token(const std::string& service, const std::string& path, Request request,
                      policy::AsyncCall::Done done);
  /// Asks a service of this Caller where another one runs.
  void get_places(const std::string& service, const std::string& path, Request request,
                  policy::AsyncCall::Done done);
  void sweep();
  /// Ends the calls of a pool that left longer ago than the drain time.
  void cancel(const Leaving::Pool& pool);

  std::shared_ptr<Host> kept_;  ///< Itself, once abandoned.
  const Source source_;
  const Options options_;
  const std::shared_ptr<const base::Clock> clock_;
  const base::Log log_;
  const std::unique_ptr<Spans> spans_;  ///< Null: nobody wants them.
  const unsigned fork_count_;
  /// CALLERAPI_SAFE_MODE=1: neither create() nor a hook is called. A file is still loaded for its
  /// tables, which runs its static constructors, and let go again.
  const bool safe_mode_;
  const bool debug_plugins_;  ///< CALLERAPI_DEBUG_PLUGINS=1: loaded by path and never unmapped.
  const std::shared_ptr<base::PoolExecutor> own_pool_;  ///< Null: the embedder gave an executor.
  const std::shared_ptr<Executor> executor_;
  const bool executor_inline_;
  const std::shared_ptr<pool::Family> family_ = std::make_shared<pool::Family>();
  policy::CallCounters call_counters_;
  policy::CallLog call_log_;
  host::Counters plugin_counters_;
  host::Prober prober_;
  std::atomic<std::uint64_t> reloads_applied_{0}, reloads_refused_{0};
  std::atomic<bool> closing_{false};  ///< Nobody may begin a call any more.
  std::atomic<bool> ending_{false};   ///< Nor are those begun waited for.

  std::unique_ptr<wire::Reactor> reactor_;
  catalogue::Publication<catalogue::Snapshot> snapshots_;

  // The reactor's thread only.
  std::vector<std::shared_ptr<policy::LoopCall>> loop_calls_, beginning_;
  std::optional<wire::Timer> sweep_timer_;
  bool looking_ = true;  ///< For instances.

  base::Mutex starting_mutex_;
  /// A task of the loop is under way for them while there are any.
  std::vector<std::shared_ptr<policy::LoopCall>> starting_ CALLERAPI_GUARDED_BY(starting_mutex_);

  Leaving leaving_;
  History history_;

  base::Mutex control_;  ///< One reload at a time.
  BuiltMap built_ CALLERAPI_GUARDED_BY(control_);
  std::filesystem::path plugin_dir_ CALLERAPI_GUARDED_BY(control_);
  /// Plugins to watch of services that are not required and could not be had.
  std::vector<std::string> left_out_ CALLERAPI_GUARDED_BY(control_);
  std::uint64_t published_ CALLERAPI_GUARDED_BY(control_) = 0;

  std::unique_ptr<Credentials> credentials_;       ///< From open() on.
  std::unique_ptr<Lane> lane_;                     ///< Calls that stream bodies; from open() on.
  std::unique_ptr<wire::Workers> publisher_;       ///< Takes instances over; waits for a reload.
  std::unique_ptr<host::Reaper> reaper_;           ///< Unloads plugins.
  std::unique_ptr<HealthChecks> checks_;           ///< From open() on; the reactor's thread.
  std::unique_ptr<InstanceFiles> instance_files_;  ///< From open() on.
  std::unique_ptr<registry::FileWatch> watch_;     ///< Made and used under control_.
};

}  // namespace callerapi::caller
