// balance.policy = "ring_hash" from the registry to the wire.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/real_server.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// Three instances that answer who they are, and 503 while they are told to fail.
class RingHash : public ::testing::Test {
 protected:
  RingHash() {
    for (std::size_t i = 0; i < servers_.size(); ++i)
      servers_[i] = std::make_unique<ScriptedServer>([this, i](const SeenRequest&) {
        if (fails_ == static_cast<int>(i))
          return Script{.bytes = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"};
        return Script{.bytes = support::ok(std::to_string(i))};
      });
    open("ring_hash");
  }
  void open(const std::string& policy) {
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    write(policy);
    caller_ = std::make_unique<Caller>(Caller::open(file(), options).value());
  }
  void write(const std::string& policy) const {
    std::ofstream out(file());
    out << "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = "
           "\"http://svc.test\"\nretry.base = \"1ms\"\nbalance.policy = \""
        << policy << "\"\ninstances = [";
    for (const auto& server : servers_) out << "\"" << server->url() << "\", ";
    out << "]\n";
  }
  std::string file() const { return folder_.path() + "/registry.toml"; }
  Result<Response> call(const std::string& key) {
    return caller_->call("echo", "get", Request{}.path("id", "1").hash_key(key).explain());
  }

  support::TempFolder folder_;
  std::atomic<int> fails_{-1};
  std::array<std::unique_ptr<ScriptedServer>, 3> servers_;
  std::unique_ptr<Caller> caller_;
};

TEST_F(RingHash, CallsWithOneKeyGoToOneInstanceAndARetryToTheNext) {
  std::set<std::string> homes;
  for (int key = 0; key < 30; ++key) {
    const std::string home = call(std::to_string(key)).value().body;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(call(std::to_string(key)).value().body, home);
    homes.insert(home);
  }
  EXPECT_EQ(homes.size(), 3u) << "all have some of them";

  const std::string home = call("7").value().body;
  fails_ = std::stoi(home);
  const auto retried = call("7");
  ASSERT_TRUE(retried) << retried.error().message;
  EXPECT_NE(retried->body, home);
  EXPECT_EQ(call("7").value().body, retried->body) << "always the same next one";
  fails_ = -1;
  EXPECT_EQ(call("7").value().body, home) << "one failure moves nothing";

  ASSERT_EQ(retried->record->attempts.size(), 2u);
  const AttemptRecord& second = retried->record->attempts[1];
  EXPECT_EQ(second.balance, "ring_hash");
  ASSERT_EQ(second.candidates.size(), 3u);
  EXPECT_EQ(second.candidates[0].fate, "chosen");
  EXPECT_EQ(second.candidates[1].fate, "tried");
  EXPECT_EQ(second.candidates[1].instance, retried->record->attempts[0].instance);
  EXPECT_EQ(second.candidates[2].fate, "farther");
}

TEST_F(RingHash, AReloadTurnsItOnAndOffAndKeepsTheConnections) {
  const std::string home = call("7").value().body;
  open("round_robin");
  for (int i = 0; i < 6; ++i) call("7").value();
  const auto connections = [&] { return caller_->stats().connections_opened; };
  const auto before = connections();
  write("ring_hash");
  ASSERT_TRUE(caller_->reload());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(call("7").value().body, home);
  EXPECT_EQ(connections(), before);
  write("round_robin");
  ASSERT_TRUE(caller_->reload());
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) seen.insert(call("7").value().body);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(RingHash, ACallWithoutAKeyIsBalancedAsByDefault) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(call("").value().body);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(call("").value().record->attempts[0].balance, "p2c_ewma");
}

}  // namespace
}  // namespace callerapi
