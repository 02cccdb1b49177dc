// File descriptors are used to the last, given back whole, and missed in words that help.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "host/sanitizer.hpp"
#include "promises/support.hpp"
#include "support/server_process.hpp"

namespace callerapi::promises {
namespace {

using namespace std::chrono_literals;
using support::ServerProcess;

bool in_time(const std::function<bool()>& so) {
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (!so())
    if (std::chrono::steady_clock::now() > until) return false;
  return true;
}

/// The soft limit of open files of this process, put back at the end.
class FileLimit {
 public:
  FileLimit() { ::getrlimit(RLIMIT_NOFILE, &before_); }
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

  rlim_t hard() const { return before_.rlim_max; }
  void set(rlim_t files) {
    rlimit changed = before_;
    changed.rlim_cur = files;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &changed), 0);
  }

 private:
  rlimit before_{};
};

/// Descriptors that are in the way: all that a process may still open.
class Ballast {
 public:
  Ballast() {
    for (int fd = ::dup(STDERR_FILENO); fd >= 0; fd = ::dup(STDERR_FILENO)) held_.push_back(fd);
  }
  ~Ballast() {
    for (const int fd : held_) ::close(fd);
  }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  std::vector<int> held_;
};

std::size_t descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// In KiB, without what malloc keeps for later.
long resident() {
  ::malloc_trim(0);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return -1;
}

class LogLines {
 public:
  LogSink sink() {
    return [this](const LogRecord& record) {
      std::lock_guard lock(mutex_);
      lines_.emplace_back(record.message);
    };
  }
  bool has(const std::string& text) {
    std::lock_guard lock(mutex_);
    for (const std::string& line : lines_)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;  // protected by mutex_
};

/// So many calls of `service` at once: each has a connection of its own.
std::vector<Call<Response>> hold_open(Caller& caller, ServerProcess& server, const char* service,
                                      std::uint32_t calls) {
  server.hold(true);
  std::vector<Call<Response>> running;
  for (std::uint32_t i = 0; i < calls; ++i)
    running.push_back(caller.start_request(service, "GET", "/"));
  EXPECT_TRUE(in_time([&] { return server.held() == calls; })) << server.held();
  return running;
}

TEST(Descriptors, TheLastIsTakenFromAnIdleConnectionAndWithoutOneTheErrorSaysWhatToDo) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "UBSan's check of virtual calls needs a descriptor of its own";
#endif
  ServerProcess server;
  LogLines log;
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.log = log.sink();
  Caller caller = Caller::from_toml(
                      "schema = 1\n[defaults.retry]\nmax_attempts = 1\n"
                      "[services.idle]\nplugin = \"static:echo\"\nbase_url = \"" +
                          server.url() +
                          "\"\n[services.busy]\nplugin = \"static:echo\"\n"
                          "base_url = \"" +
                          server.url() + "\"\n",
                      std::move(options))
                      .value();
  for (auto& call : hold_open(caller, server, "idle", 4)) server.hold(false), call.get().value();
  ASSERT_EQ(server.open(), 4u);
  FileLimit limit;
  limit.set(256);
  {
    const Ballast ballast;
    // The other service has none left to give after these.
    auto running = hold_open(caller, server, "busy", 4);
    EXPECT_TRUE(in_time([&] { return server.open() == 4; })) << server.open();
    EXPECT_EQ(server.accepted(), 8u) << "one idle connection goes for each that is needed";

    for (const Driver driver : {Driver::blocking, Driver::loop}) {
      const auto refused = driver == Driver::blocking
                               ? caller.request("busy", "GET", "/")
                               : caller.start_request("busy", "GET", "/").get();
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().outcome, Outcome::resource_exhausted);
      EXPECT_EQ(refused.error().reason, "fds");
      EXPECT_EQ(refused.error().sent, Sent::no);
      EXPECT_NE(refused.error().message.find("this process may have 256 (RLIMIT_NOFILE), and "
                                             "connections leave the last 8 of them: raise"),
                std::string::npos)
          << refused.error().message;
    }
    server.hold(false);
    for (auto& call : running) EXPECT_TRUE(call.get());
  }
  EXPECT_TRUE(caller.request("idle", "GET", "/")) << "and then all is as before";
  EXPECT_TRUE(in_time([&] { return log.has("connects found no file descriptor"); }));
}

TEST(Descriptors, WithAsManyCallsAsThereCanBeFilesAreStillOpenedAndTheRegistryIsReadAgain) {
  ServerProcess server;
  std::string pattern = (std::filesystem::temp_directory_path() / "callerapi-fds-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const auto write = [&](const std::string& more) {
    std::ofstream(folder / "registry.toml")
        << "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + server.url() +
               "\"\nretry.max_attempts = 1\npool.connections_max = 1000\ntimeouts.total = "
               "\"100s\"\n" +
               more;
  };
  write("");
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.watch = false;
  Caller caller = Caller::open((folder / "registry.toml").string(), std::move(options)).value();
  FileLimit limit;
  limit.set(128);
  constexpr std::uint32_t calls = 128;
  server.hold(true);

  std::vector<Call<Response>> running;
  for (std::uint32_t i = 0; i < calls; ++i)
    running.push_back(caller.start_request("echo", "GET", "/"));
  const auto ended = [&] {
    return static_cast<std::uint32_t>(
        std::count_if(running.begin(), running.end(), [](const auto& c) { return c.done(); }));
  };
  ASSERT_TRUE(in_time([&] { return ended() + server.held() == calls; })) << ended();
  ASSERT_GT(ended(), 0u) << "they all had a connection: nothing was used up";

  std::vector<int> files;
  for (int i = 0; i < 8; ++i) files.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int fd : files) EXPECT_GE(fd, 0) << "one of the last eight";
  for (const int fd : files) ::close(fd);
  write("[services.added]\nplugin = \"static:echo\"\nbase_url = \"" + server.url() + "\"\n");
  const auto reloaded = caller.reload();
  EXPECT_TRUE(reloaded) << reloaded.error().message;

  server.hold(false);
  for (auto& call : running) {
    const auto answer = std::move(call).get();
    if (answer) continue;
    EXPECT_EQ(answer.error().reason, "fds") << answer.error().message;
  }
  std::filesystem::remove_all(folder);
}

TEST(Descriptors, TenThousandConnectionsAreHeldUsedInTurnAndGivenBack) {
  const std::uint32_t count = host::sanitized ? 500 : 10'000;
  FileLimit limit;
  const rlim_t needed = count + 200;
  if (limit.hard() < needed)
    GTEST_SKIP() << "the hard limit of open files is " << limit.hard() << ", this needs " << needed;
  limit.set(limit.hard());
  const std::size_t fds_before = descriptors();
  ServerProcess server;
  long idle = 0, held = 0, base = 0;
  {
    const std::string many = std::to_string(count);
    Caller caller =
        caller_of(server.url(), "pool.connections_max = " + many + "\npool.queue_max = " + many +
                                    "\nlimits.inflight = " + many +
                                    "\npool.idle = \"300s\"\ntimeouts.connect = \"60s\"\n"
                                    "timeouts.total = \"100s\"\n"
                                    "timeouts.attempt = \"100s\"\n");
    caller.request("echo", "GET", "/").value();
    base = resident();
    for (int round = 0; round < 2; ++round) {
      auto running = hold_open(caller, server, "echo", count);
      held = resident();
      server.hold(false);
      for (auto& call : running) ASSERT_TRUE(call.get());
      EXPECT_EQ(server.open(), count);
    }
    idle = resident();
    EXPECT_EQ(server.accepted(), count);
    EXPECT_EQ(server.connections_used(2), count - 1);
    EXPECT_EQ(server.connections_used(3), 1u) << "the one that was there before";
  }
  EXPECT_TRUE(in_time([&] { return server.open() == 0; })) << server.open();
  EXPECT_EQ(descriptors(), fds_before);
  const long after = resident();
  if (host::sanitized) return;
  std::printf(
      "%u connections: %.2f KiB each while idle (goal 1.5 KB), %.2f KiB with a call in "
      "flight (goal 4 KB); resident %ld KiB before, %ld KiB after\n",
      count, static_cast<double>(idle - base) / count, static_cast<double>(held - base) / count,
      base, after);
  EXPECT_LT(after - base, 4096) << "KiB that did not come back";
}

}  // namespace
}  // namespace callerapi::promises
