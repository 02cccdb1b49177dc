// What one warm call asks of the allocator and the kernel, against tests/cost/limits.txt. Times
// would depend on the machine and its neighbours; these counts do not.
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "callerapi/caller.hpp"
#include "cost/batch_server.hpp"
#include "cost/counted.hpp"
#include "cost/limits.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

constexpr std::size_t lanes = 64, warm = 5 * lanes, measured = 20 * lanes, body_bytes = 1024;
/// The first calls of a run wake the loop, the last ones its maker; one more for each call is 1.
constexpr double slack = 0.5;

Caller caller_of(const cost::BatchServer& server) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.executor = Executor::inline_executor();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               server.url() + "\"\npool.connections_max = 64\n",
                           std::move(options))
      .value();
}

/// The calls in all that were measured, and what they asked for.
class Bill {
 public:
  void begin() { before_here_ = cost::here(), before_ = cost::everywhere(); }
  void end() {
    here_ = cost::here() - before_here_;
    elsewhere_ = (cost::everywhere() - before_) - here_;
  }
  /// Of a call that runs on the thread that makes it, and of one that runs on the loop's.
  void judge_blocking(const std::string& name) const {
    judge(name + " caller", here_);
    judge(name + " loop", elsewhere_);
  }
  void judge_asynchronous(const std::string& name) const {
    judge(name + " loop",
          {here_.allocations + elsewhere_.allocations, here_.waits + elsewhere_.waits,
           here_.system_calls + elsewhere_.system_calls});
  }

 private:
  static void judge(const std::string& row, const cost::Counted& counted) {
    cost::judge(row + " allocations", counted.allocations, measured, slack);
    cost::judge(row + " waits", counted.waits, measured, slack);
    cost::judge(row + " system_calls", counted.system_calls, measured, slack);
  }

  cost::Counted before_here_, before_, here_, elsewhere_;
};

void blocking_calls(const std::string& name, std::size_t body, const std::function<Request()>& make,
                    const char* endpoint) {
  const cost::BatchServer server(1, body);
  Caller caller = caller_of(server);
  Bill bill;
  for (std::size_t i = 0; i < warm + measured; ++i) {
    if (i == warm) bill.begin();
    const auto response = caller.call("echo", endpoint, make());
    ASSERT_TRUE(response) << response.error().message;
  }
  bill.end();
  EXPECT_EQ(caller.stats().connections_opened, 1u);
  bill.judge_blocking(name);
}

/// Calls whose ends begin the next, on the loop's own thread.
class ClosedLoop {
 public:
  ClosedLoop(Caller& caller, std::function<Request()> make, const char* endpoint)
      : caller_(caller), make_(std::move(make)), endpoint_(endpoint) {}

  /// Runs a batch of `lanes` after the other until there were `calls`, and waits for the end.
  void run(std::size_t calls) {
    calls_ = calls;
    begun_ = ended_ = 0;
    for (std::size_t i = 0; i < lanes; ++i) next();
    std::unique_lock lock(mutex_);
    all_.wait(lock, [this] { return ended_ == calls_; });
  }
  std::size_t failed() const { return failed_; }

 private:
  void next() {
    if (begun_.fetch_add(1) >= calls_) return;
    caller_.start("echo", endpoint_, make_()).then([this](Result<Response> response) {
      if (!response) ++failed_;
      next();
      if (ended_.fetch_add(1) + 1 < calls_) return;
      std::lock_guard lock(mutex_);
      all_.notify_all();
    });
  }

  Caller& caller_;
  const std::function<Request()> make_;
  const char* const endpoint_;
  std::size_t calls_ = 0;
  std::atomic<std::size_t> begun_{0}, ended_{0}, failed_{0};
  std::mutex mutex_;
  std::condition_variable all_;
};

void calls_in_flight(const std::string& name, std::size_t body,
                     const std::function<Request()>& make, const char* endpoint) {
  const cost::BatchServer server(lanes, body);
  Caller caller = caller_of(server);
  ClosedLoop loop(caller, make, endpoint);
  loop.run(warm);
  Bill bill;
  bill.begin();
  loop.run(measured);
  bill.end();
  EXPECT_EQ(loop.failed(), 0u);
  EXPECT_EQ(caller.stats().connections_opened, lanes);
  bill.judge_asynchronous(name);
}

Request get() { return Request{}.path("id", "7"); }

Request post() {
  return Request{}.json_text("{\"text\":\"" + std::string(body_bytes - 11, 'x') + "\"}");
}

TEST(CostOfACall, CountsWhatIsAskedOfTheAllocatorAndTheKernel) {
  const auto before = cost::here();
  auto one = std::make_unique<int>(1);
  std::array<char, 1> byte;
  EXPECT_EQ(::read(-1, byte.data(), byte.size()), -1);
  const auto asked = cost::here() - before;
  EXPECT_EQ(asked.allocations, 1u);
  EXPECT_EQ(asked.system_calls, 1u);
}

TEST(CostOfACall, StaysWithinTheTableForABlockingGet) { blocking_calls("sync_get", 0, get, "get"); }

TEST(CostOfACall, StaysWithinTheTableForABlockingPostOfAKilobyte) {
  blocking_calls("sync_post", body_bytes, post, "create");
}

TEST(CostOfACall, StaysWithinTheTableForSixtyFourGetsInFlight) {
  calls_in_flight("async_get", 0, get, "get");
}

TEST(CostOfACall, StaysWithinTheTableForSixtyFourPostsInFlight) {
  calls_in_flight("async_post", body_bytes, post, "create");
}

}  // namespace
}  // namespace callerapi
