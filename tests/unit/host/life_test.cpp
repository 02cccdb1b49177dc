// The life of loaded code: leases, the reaper, hooks that rest.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "host/plugin_code.hpp"
#include "support/mere_child.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::host {
namespace {

using std::chrono::milliseconds;

std::atomic<int> quiesced{0}, destroyed{0};
std::atomic<bool> restless{false}, hanging{false};
const capi_host* given = nullptr;

capi_status create(const capi_host* host, void** self, capi_error_out*) {
  given = host;
  *self = nullptr;
  return 0;
}
capi_status quiesce(void*, std::uint32_t) {
  ++quiesced;
  return restless ? -1 : 0;
}
void destroy(void*) {
  const bool late = hanging;
  while (hanging) std::this_thread::yield();
  const std::string_view line = "the last word";
  if (late) given->log(given->ctx, 1, {line.data(), line.size()});
  ++destroyed;
}

class Life : public testing::Test {
 protected:
  Life() {
    quiesced = destroyed = 0;
    restless = hanging = false;
    plugin_ = *support::echo_plugin();
    plugin_.create = &create;
    plugin_.quiesce = &quiesce;
    plugin_.destroy = &destroy;
  }
  std::shared_ptr<LoadedCode> made(Reaper& reaper) {
    return LoadedCode::create(Library::linked_in(plugin_), {"echo", "echo.capi.so", {}, false},
                              {log_, reaper, counters_})
        .value();
  }
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }

  std::string logged_;
  base::Log log_{[this](const LogRecord& record) { logged_.append(record.message); }};
  Counters counters_;
  capi_plugin plugin_;
};

TEST_F(Life, EndsAfterTheLastLeaseAndNotBefore) {
  Reaper reaper(log_, counters_);
  const auto code = made(reaper);
  ASSERT_TRUE(code->acquire());

  code->close();

  EXPECT_FALSE(code->acquire());
  EXPECT_EQ(counters_.draining, 1u);
  EXPECT_EQ(destroyed, 0);
  code->release();
  EXPECT_TRUE(soon([&] { return counters_.draining == 0; }));
  EXPECT_EQ(destroyed, 1);
  EXPECT_TRUE(code->unloaded());
}

TEST_F(Life, BeyondTheDrainTimeIsOverdueAndStillNeverForced) {
  Reaper reaper(log_, counters_, Duration::zero());
  const auto code = made(reaper);
  ASSERT_TRUE(code->acquire());

  code->close();

  ASSERT_TRUE(soon([&] { return counters_.overdue == 1; }));
  EXPECT_EQ(destroyed, 0);
  code->release();
  EXPECT_TRUE(soon([&] { return counters_.draining == 0; }));
  EXPECT_EQ(counters_.overdue, 0u);
  EXPECT_EQ(logged_,
            "echo.capi.so: unload_overdue: 1 calls still hold it after its drain time; it stays "
            "mapped until they end");
}

TEST_F(Life, APluginThatIsNotAtRestIsAskedAgain) {
  Reaper reaper(log_, counters_);
  restless = true;
  const auto code = made(reaper);
  code->close();
  ASSERT_TRUE(soon([&] { return quiesced > 0; }));
  EXPECT_EQ(destroyed, 0);

  restless = false;

  EXPECT_TRUE(soon([&] { return destroyed == 1; }));
}

TEST_F(Life, ThatIsNotAtRestAfterItsDrainTimeIsSaidToBeSo) {
  restless = true;
  Reaper reaper(log_, counters_, Duration::zero());
  made(reaper)->close();
  ASSERT_TRUE(soon([&] { return counters_.overdue == 1; }));
  restless = false;
  EXPECT_TRUE(soon([&] { return counters_.draining == 0; }));
  EXPECT_EQ(logged_,
            "echo.capi.so: unload_overdue: its quiesce() still says that it is not at rest after "
            "its drain time; it stays mapped until it is");
}

TEST_F(Life, DoesNotBeginWhereNoThreadIsLeftForIt) {
  const auto refused = [&](Reaper& reaper) {
    const auto code =
        LoadedCode::create(Library::linked_in(plugin_), {"echo", "echo.capi.so", {}, false},
                           {log_, reaper, counters_});
    return code ? "made" : code.error().reason + ": " + code.error().message + "\n";
  };
  const std::string why =
      "resource_threads: echo.capi.so: no thread could be had for its create(); raise the limit of "
      "processes and threads (ulimit -u, pids.max)\n";
  EXPECT_EQ(support::said_by_child([&] {
              Reaper fresh(log_, counters_);
              support::let_threads(1);
              return refused(fresh);
            }),
            why)
      << "for its end";
  EXPECT_EQ(support::said_by_child([&] {
              Reaper reaper(log_, counters_);
              (void)reaper.ready();
              support::let_threads(1);
              return refused(reaper);
            }),
            why)
      << "for create()";
}

TEST_F(Life, EndsOnceThereIsAThreadForIt) {
  EXPECT_EQ(support::said_by_child([&] {
              Reaper reaper(log_, counters_, Duration::zero());
              const auto code = made(reaper);
              support::let_threads(1);
              code->close();
              (void)soon([&] { return counters_.overdue == 1; });
              std::string said = std::to_string(destroyed) + " before, ";
              support::let_threads(RLIM_INFINITY);
              (void)soon([&] { return counters_.draining == 0; });
              return said + std::to_string(destroyed) + " behind: " + logged_;
            }),
            "0 before, 1 behind: echo.capi.so: unload_overdue: no thread could be had to end it "
            "after its drain time; it stays mapped until there is one");
}

TEST_F(Life, WhatIsStillHeldWhenTheHostEndsStaysMapped) {
  std::shared_ptr<LoadedCode> code;
  {
    Reaper reaper(log_, counters_);
    code = made(reaper);
    ASSERT_TRUE(code->acquire());
    code->close();
  }
  EXPECT_EQ(destroyed, 0);
}

TEST_F(Life, ADestroyThatHangsMayOutliveItsHostAndItsLog) {
  hanging = true;
  std::atomic<int> lines{0};
  auto log = std::make_unique<base::Log>([&](const LogRecord&) { ++lines; });
  {
    Reaper reaper(*log, counters_);
    LoadedCode::create(Library::linked_in(plugin_), {"echo", "echo.capi.so", {}, false},
                       {*log, reaper, counters_})
        .value()
        ->close();
  }
  EXPECT_EQ(lines, 1) << "that it hangs";
  log->close();
  log.reset();

  hanging = false;

  EXPECT_TRUE(soon([&] { return destroyed == 1; }));
  EXPECT_EQ(lines, 1) << "nothing reaches a sink after its host";
}

TEST(HookGuard, TenStrikesInARowRestAndOneGoodRunAfterItComesBack) {
  HookGuard guard;
  auto now = HookGuard::Clock::now();
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(guard.ran(HookRun::broken, milliseconds(0), now));
  EXPECT_FALSE(guard.ran(HookRun::well, milliseconds(0), now));  // a good run in between
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(guard.ran(HookRun::well, milliseconds(51), now));
  EXPECT_TRUE(guard.may_run(now));
  EXPECT_TRUE(guard.ran(HookRun::broken, milliseconds(0), now));

  EXPECT_FALSE(guard.may_run(now + HookGuard::rest - milliseconds(1)));
  now += HookGuard::rest;
  EXPECT_TRUE(guard.may_run(now));
  EXPECT_FALSE(guard.may_run(now)) << "one run decides";
  EXPECT_FALSE(guard.ran(HookRun::well, milliseconds(0), now));
  EXPECT_TRUE(guard.may_run(now));
  EXPECT_EQ(guard.failures(), 10u);
  EXPECT_EQ(guard.slow(), 9u);
}

TEST(HookGuard, ARefusalIsCountedAndIsNoStrike) {
  HookGuard guard;
  const auto now = HookGuard::Clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(guard.ran(HookRun::refused, milliseconds(0), now));
  EXPECT_TRUE(guard.may_run(now));
  EXPECT_EQ(guard.failures(), 100u);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(guard.ran(HookRun::refused, milliseconds(51), now));
  EXPECT_TRUE(guard.ran(HookRun::refused, milliseconds(51), now)) << "slow is slow";
}

}  // namespace
}  // namespace callerapi::host
