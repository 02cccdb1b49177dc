#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "support/parts.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::support {

/// The system's clock, which a test moves ahead instead of waiting.
class AheadClock final : public base::Clock {
 public:
  TimePoint now() const noexcept override { return system_.now() + Duration(ahead_.load()); }
  std::chrono::system_clock::time_point wall() const noexcept override { return system_.wall(); }
  void advance(Duration by) noexcept { ahead_ += by.count(); }

 private:
  base::SystemClock system_;
  std::atomic<Duration::rep> ahead_{0};
};

/// A service at two places, asked in turn, one of which never answers what ends in "hard", and what
/// ends in "late" only once the test says so; likewise what ends in "busy", with 503, which the
/// other never answers. Neither answers a POST. How long calls take is known, so that late ones are
/// asked a second time. The next call goes to the one that answers.
class TwoPlaces : public ::testing::Test {
 protected:
  /// `more`: of the registry, for the service.
  explicit TwoPlaces(SpanSink on_span = nullptr, const std::string& more = "",
                     const capi_plugin* plugin = echo_plugin()) {
    Options options;
    options.on_span = std::move(on_span);
    options.static_plugins = {plugin};
    options.environment.emplace();
    host_ = caller::Host::open(
                {{},
                 "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                     good_.url() + "\"\ninstances = [\"" + good_.url() + "\", \"" + mute_.url() +
                     "\"]\nbalance.policy = \"round_robin\"\nhedge = { max = 1, max_extra = "
                     "\"50%\" }\n" +
                     more},
                std::move(options), clock_)
                .value();
    constexpr int enough = 150;  // of 100 that it takes to reckon from
    for (int i = 0; i < enough; ++i) EXPECT_TRUE(host_->run(get("easy")));
    clock_->advance(std::chrono::seconds(4));  // it is reckoned every three seconds
  }
  ~TwoPlaces() override { late_ = true; }
  /// What is due on the loop has been done.
  void round() {
    std::atomic<bool> ran{false};
    host_->loop().post([&] { ran = true; });
    EXPECT_TRUE(soon([&] { return ran.load(); }));
  }
  caller::Host::Parts get(
      const std::string& id,
      Request request = Request{}.max_attempts(1).timeout(std::chrono::seconds(20))) {
    return parts_of(*host_, "echo", "get", std::move(request).path("id", id));
  }
  static Script answer(const SeenRequest& r) {
    if (r.method == "POST" || r.target.ends_with("/busy")) return {};
    return {.bytes = ok("here")};
  }
  /// Polls: the condition holds at last, for what it takes is under way.
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }

  std::atomic<bool> late_{false};
  ScriptedServer good_{answer};
  ScriptedServer mute_{[this](const SeenRequest& r) {
    const bool busy = r.target.ends_with("/busy");
    while ((busy || r.target.ends_with("/late")) && !late_) std::this_thread::yield();
    if (busy) return Script{.bytes = status(503)};
    return r.target.ends_with("/hard") ? Script{} : answer(r);
  }};
  std::shared_ptr<AheadClock> clock_ = std::make_shared<AheadClock>();
  std::shared_ptr<caller::Host> host_;
};

}  // namespace callerapi::support
