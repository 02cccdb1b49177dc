// What the library does to the process that embeds it: nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "caller/pending.hpp"
#include "callerapi/caller.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"
#include "wire/reactor.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               server.url() + "\"\n",
                           std::move(options))
      .value();
}

Script echo(const SeenRequest&) { return {.bytes = support::ok("fine")}; }

std::set<std::string> entries(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.insert(entry.path().filename());
  return names;
}

/// The mask of blocked signals of one thread of this process, as the kernel shows it.
std::string blocked_signals(const std::string& thread) {
  std::ifstream status("/proc/self/task/" + thread + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigBlk:")) return line.substr(8);
  return {};
}

/// Waits until every other thread of this process sleeps in the kernel. The sanitizers of g++ 12
/// hold no lock of their own allocators across a fork: a child born while another thread is inside
/// one waits for it for ever, which says nothing about the library.
bool others_sleep() {
  const std::string self = std::to_string(::gettid());
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < until) {
    bool all = true;
    for (const std::string& thread : entries("/proc/self/task")) {
      std::ifstream stat("/proc/self/task/" + thread + "/stat");
      std::string line;
      std::getline(stat, line);
      const std::size_t name_end = line.rfind(')');
      if (thread != self && name_end != std::string::npos && line.substr(name_end + 2, 1) != "S")
        all = false;
    }
    if (all) return true;
  }
  return false;
}

TEST(Process, ThreadsOfTheLibraryTakeNoSignal) {
  ScriptedServer server(echo);
  const auto before = entries("/proc/self/task");
  Caller caller = caller_of(server);
  std::atomic<bool> done{false};
  caller.start("echo", "get", Request{}.path("id", "1")).then([&](auto) { done = true; });
  caller
      .start("echo", "put",
             Request{}.path("id", "1").body(Body::generated([](auto) { return std::size_t{0}; })))
      .get()
      .value();
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!done && std::chrono::steady_clock::now() < until) continue;

  int seen = 0;
  for (const std::string& thread : entries("/proc/self/task")) {
    if (before.contains(thread)) continue;
    ++seen;
    // SIGKILL, SIGSTOP and the two that glibc keeps for itself cannot be blocked.
    EXPECT_EQ(blocked_signals(thread), "fffffffe7ffbfeff") << "thread " << thread;
  }
  EXPECT_GE(seen, 3) << "reactor, completions, a streaming lane";
}

TEST(Process, EveryDescriptorClosesOnExec) {
  const auto before = entries("/proc/self/fd");
  ScriptedServer server(echo);
  Caller caller = caller_of(server);
  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));
  ASSERT_TRUE(caller.start("echo", "get", Request{}.path("id", "1")).get());

  for (const std::string& fd : entries("/proc/self/fd")) {
    if (before.contains(fd)) continue;
    const int flags = ::fcntl(std::stoi(fd), F_GETFD);
    if (flags >= 0) {
      EXPECT_TRUE(flags & FD_CLOEXEC) << "descriptor " << fd;
    }
  }
}

TEST(Process, AForkedChildIsToldSoAndTheParentGoesOn) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);
  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));
  ASSERT_TRUE(others_sleep());

  const pid_t child = ::fork();
  if (child == 0) {
    const auto here = caller.call("echo", "get", Request{}.path("id", "1"));
    const auto there = caller.start("echo", "get", Request{}.path("id", "1")).get();
    bool heard = false;  // here and now: the executor's threads are the parent's
    caller.start("echo", "get", Request{}.path("id", "1")).then([&](const Result<Response>& r) {
      heard = !r && r.error().outcome == Outcome::forked;
    });
    caller.shutdown(std::chrono::seconds(5));  // returns at once
    const auto reloaded = caller.reload();
    const bool told = !reloaded && reloaded.error().outcome == Outcome::forked && !here &&
                      here.error().outcome == Outcome::forked && !there &&
                      there.error().outcome == Outcome::forked && heard;
    { const Caller gone = std::move(caller); }  // neither joins nor closes
    ::_exit(told ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(caller.call("echo", "get", Request{}.path("id", "1")));
  EXPECT_EQ(server.connections(), 1) << "the parent's connection outlived the child";
}

TEST(Process, ACallOfTheParentEndsInAForkedChildAndOnlyThere) {
  std::atomic<bool> go{false};
  std::atomic<bool> held{false};
  ScriptedServer server([&](const SeenRequest& request) {
    held = true;  // The server serves one connection after the other.
    go.wait(false);
    return echo(request);
  });
  Caller caller = caller_of(server);
  Call<Response> waited = caller.start("echo", "get", Request{}.path("id", "1"));
  Call<Response> told = caller.start("echo", "get", Request{}.path("id", "1"));
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!held && std::chrono::steady_clock::now() < until) continue;
  EXPECT_TRUE(held && others_sleep());

  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // who waits for the parent's threads waits for ever
    waited.cancel();
    const auto here = std::move(waited).get();
    bool heard = false;
    std::move(told).then([&](const Result<Response>& result) {
      heard = !result && result.error().outcome == Outcome::forked;
    });
    ::_exit(!here && here.error().outcome == Outcome::forked && heard ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  go = true;
  go.notify_all();

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(std::move(waited).get());
  EXPECT_TRUE(std::move(told).get());
}

TEST(Process, ACancelInAForkedChildReachesNoLoop) {
  bool reached = false;
  const base::SystemClock clock;
  const auto loop = wire::Reactor::start(clock).value();
  caller::Pending pending(nullptr, *loop);
  pending.on_cancel([&] { reached = true; });
  ASSERT_TRUE(others_sleep());

  const pid_t child = ::fork();
  if (child == 0) {
    pending.cancel();
    ::_exit(reached ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  pending.cancel();

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(reached);
}

/// Without SA_RESTART every system call may be interrupted, a thousand times a second.
TEST(Process, AStormOfSignalsCostsNoCall) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, &old);
  const itimerval often{{0, 1000}, {0, 1000}}, never{};
  setitimer(ITIMER_REAL, &often, nullptr);

  int failed = 0;
  for (int i = 0; i < 2000; ++i) {
    failed += caller.call("echo", "get", Request{}.path("id", "1")) ? 0 : 1;
    failed += i % 4 != 0 || caller.start("echo", "get", Request{}.path("id", "1")).get() ? 0 : 1;
  }
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &old, nullptr);

  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace callerapi
