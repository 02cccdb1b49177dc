// What a connection that rests and a call in flight hold of this program's heap, against
// tests/cost/limits.txt: with ten thousand of them that is what a caller's memory is made of.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "callerapi/caller.hpp"
#include "cost/limits.hpp"
#include "support/server_process.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t connections = 4096;

/// Bytes in use of all heaps, large blocks included.
std::size_t heap() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

bool enough_descriptors() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur > 2 * connections;
}

bool await(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

Caller caller_of(const support::ServerProcess& server) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.executor = Executor::inline_executor();
  return Caller::from_toml(
             "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + server.url() +
                 "\"\npool.connections_max = 4096\npool.queue_max = 4096\nlimits.inflight = 4096\n"
                 "pool.idle = \"5m\"\ntimeouts.total = \"90s\"\n"
                 "timeouts.attempt = \"90s\"\ntimeouts.acquire = \"90s\"\n",
             std::move(options))
      .value();
}

TEST(CostInMemory, StaysWithinTheTableForCallsInFlightAndConnectionsThatRest) {
  if (!enough_descriptors()) GTEST_SKIP() << "needs 8192 file descriptors";
  support::ServerProcess server;
  Caller caller = caller_of(server);
  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "7")));
  std::atomic<std::uint32_t> ended{0}, failed{0};
  server.hold(true);
  const std::size_t before = heap();
  for (std::uint32_t i = 0; i < connections; ++i)
    caller.start("echo", "get", Request{}.path("id", "7")).then([&](Result<Response> response) {
      failed += response ? 0u : 1u;
      ++ended;
    });
  ASSERT_TRUE(await([&] { return server.held() == connections; })) << server.held();
  const std::size_t in_flight = heap() - before;
  server.hold(false);
  ASSERT_TRUE(await([&] { return ended == connections; })) << ended;
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(caller.stats().connections_opened, connections);
  const std::size_t resting = heap() - before;
  cost::judge("memory in_flight bytes", in_flight, connections, 0);
  cost::judge("memory resting bytes", resting, connections, 0);
}

}  // namespace
}  // namespace callerapi
