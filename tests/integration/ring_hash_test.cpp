// balance.policy = "ring_hash" from the registry to the wire.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "callerapi/caller.hpp"
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
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    std::string all;
    for (const auto& server : servers_) all += "\"" + server->url() + "\", ";
    caller_ = std::make_unique<Caller>(
        Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = "
                          "\"http://svc.test\"\nbalance.policy = \"ring_hash\"\nretry.base = "
                          "\"1ms\"\ninstances = [" +
                              all + "]\n",
                          options)
            .value());
  }
  Result<Response> call(const std::string& key) {
    return caller_->call("echo", "get", Request{}.path("id", "1").hash_key(key).explain());
  }

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

TEST_F(RingHash, ACallWithoutAKeyIsBalancedAsByDefault) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(call("").value().body);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(call("").value().record->attempts[0].balance, "p2c_ewma");
}

}  // namespace
}  // namespace callerapi
