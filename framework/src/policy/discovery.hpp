#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/result.hpp"
#include "wire/loop.hpp"

namespace callerapi::policy {

/// Where one instance of a service is to be connected to.
struct Site {
  std::string host;  ///< Name or address, without brackets; or the path of a unix socket.
  std::uint16_t port = 0;
  int weight = 1;
  std::uint16_t priority = 0;  ///< The lowest first (RFC 2782).

  // NOLINTNEXTLINE(modernize-use-nullptr): what the compiler writes compares with 0
  auto operator<=>(const Site&) const = default;
};

/// What a source answers to somebody who knows what held at some cursor.
struct SitesChange {
  std::uint64_t cursor = 0;                ///< What to ask with next time.
  std::optional<std::vector<Site>> all{};  ///< Set: this, whatever was known. Else only what
  std::vector<Site> added{}, removed{};    ///< has changed, perhaps nothing.
};

/// Says where a service runs. Used on the loop's thread, but for first().
class SiteSource {
 public:
  using Answered = std::function<void(Result<SitesChange>)>;
  virtual ~SiteSource() = default;
  /// What to go by before the first answer. Thread-safe.
  virtual std::vector<Site> first() const = 0;
  /// What has changed since `cursor`; 0: all. A source that remembers no such cursor answers with
  /// all. `done` runs on the loop, perhaps at once; never, when the source goes before.
  virtual void ask(std::uint64_t cursor, Answered done) = 0;
  /// False: first() is all there will ever be, and nobody need ask. Thread-safe.
  virtual bool may_change() const noexcept { return true; }
};

/// A list that does not change: base_url itself, or `instances` of the registry.
class ListedSites final : public SiteSource {
 public:
  explicit ListedSites(std::vector<Site> all) : all_(std::move(all)) {}
  std::vector<Site> first() const override { return all_; }
  void ask(std::uint64_t cursor, Answered done) override;
  bool may_change() const noexcept override { return false; }

 private:
  const std::vector<Site> all_;
};

/// Every address of a name. Before the first answer the name itself, which a connection resolves.
class NamedSites final : public SiteSource {
 public:
  /// Asked each time; it is the one who keeps answers as long as their TTL says.
  using Resolve = std::function<void(wire::Loop::Resolved)>;
  NamedSites(std::string host, std::uint16_t port, Resolve resolve);
  std::vector<Site> first() const override { return {{host_, port_}}; }
  void ask(std::uint64_t cursor, Answered done) override;

 private:
  struct State {
    std::uint64_t cursor = 0;
    std::vector<Site> all;  ///< Sorted.
  };
  const std::string host_;
  const std::uint16_t port_;
  const Resolve resolve_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// What is known of where one service runs: follows a source, and keeps the last good set when that
/// fails or has nothing to say. Outlives reloads that change nothing about the source.
class Discovery : public std::enable_shared_from_this<Discovery> {
 public:
  explicit Discovery(std::unique_ptr<SiteSource> source);

  /// In order; never empty once it was not. Thread-safe.
  std::vector<Site> sites() const;
  /// Is the last good answer older than the last question? Why; thread-safe.
  std::optional<Error> failing() const;
  /// While it fails: since when there was no good answer; else zero. Thread-safe.
  Duration stale(TimePoint now) const;

  /// Is it worth to look()? Thread-safe.
  bool may_change() const noexcept { return source_->may_change(); }

  struct Told {
    bool changed = false;          ///< sites() answers something else than before.
    std::optional<Error> failing;  ///< For the first time after a good answer.
    bool recovered = false;
  };
  /// Asks the source, if no answer is outstanding. `told` runs when there is something to tell. On
  /// the loop's thread.
  void look(TimePoint now, std::function<void(const Told&)> told);

 private:
  Told take(Result<SitesChange> answer);

  const std::unique_ptr<SiteSource> source_;
  // The loop's thread only.
  bool asking_ = false;
  std::uint64_t cursor_ = 0;

  mutable base::Mutex mutex_;
  std::vector<Site> sites_ CALLERAPI_GUARDED_BY(mutex_);
  std::optional<Error> failing_ CALLERAPI_GUARDED_BY(mutex_);
  std::optional<TimePoint> good_until_ CALLERAPI_GUARDED_BY(mutex_);
  TimePoint asked_at_ CALLERAPI_GUARDED_BY(mutex_){};
};

}  // namespace callerapi::policy
