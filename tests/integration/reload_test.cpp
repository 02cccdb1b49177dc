#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// A registry file that can be rewritten, beside a server that answers with the target.
class Reload : public ::testing::Test {
 protected:
  Reload() : server_([](const SeenRequest& r) { return Script{.bytes = support::ok(r.target)}; }) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-reload-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Reload() override { fs::remove_all(folder_); }

  std::string service(const std::string& name, const std::string& prefix = "") const {
    return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + server_.url() +
           prefix + "\"\n";
  }
  /// As a careful editor does: a new file, renamed over the old.
  void write(const std::string& services) const {
    std::ofstream(folder_ / "new") << "schema = 1\n" << services;
    fs::rename(folder_ / "new", folder_ / "registry.toml");
  }
  Caller open(bool watch) {
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = watch;
    options.log = [this](const LogRecord& record) {
      std::lock_guard lock(mutex_);
      log_.append(record.message).append("\n");
    };
    return Caller::open((folder_ / "registry.toml").string(), std::move(options)).value();
  }
  static std::string get(Caller& caller, const std::string& name) {
    auto response = caller.call(name, "get", Request{}.path("id", "1"));
    return response ? response->body : std::string(callerapi::name(response.error().outcome));
  }

  std::string logged() {
    std::lock_guard lock(mutex_);
    return std::exchange(log_, "");
  }
  /// Within a while that no machine needs.
  static bool becomes(Caller& caller, const std::string& name, const std::string& answer) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (get(caller, name) != answer && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return get(caller, name) == answer;
  }

  ScriptedServer server_;
  fs::path folder_;
  std::mutex mutex_;
  std::string log_;
};

TEST_F(Reload, AddsChangesAndRemovesServices) {
  write(service("a") + service("b"));
  Caller caller = open(false);
  write(service("a", "/moved") + service("c"));

  const ReloadReport report = caller.reload().value();

  EXPECT_EQ(report.added, std::vector<std::string>{"c"});
  EXPECT_EQ(report.changed, std::vector<std::string>{"a"});
  EXPECT_EQ(report.removed, std::vector<std::string>{"b"});
  EXPECT_EQ(get(caller, "a"), "/moved/echo/1");
  EXPECT_EQ(get(caller, "b"), "unknown_service");
  EXPECT_EQ(get(caller, "c"), "/echo/1");
}

TEST_F(Reload, ARegistryThatIsReplacedWhileTheFirstOneLoadsIsAppliedToo) {
  write(service("a"));
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.log = [this](const LogRecord& record) {
    // The first one is in force now, and nobody watches its file yet.
    if (record.message.starts_with("generation 1: ")) write(service("a") + service("b"));
  };
  Caller caller = Caller::open((folder_ / "registry.toml").string(), std::move(options)).value();

  EXPECT_TRUE(becomes(caller, "b", "/echo/1"));
}

/// A thread that rests keeps its copy of the old snapshot, and with it the old pool.
TEST_F(Reload, ConnectionsOfAPoolThatWasReplacedOrRemovedCloseAtOnce) {
  write(service("a") + service("b"));
  Caller caller = open(false);
  std::atomic<int> step{0};
  std::thread resting([&] {
    (void)get(caller, "a");
    (void)get(caller, "b");
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  EXPECT_EQ(server_.connections_open(), 2);

  write(service("a") + "pool.connections_max = 7\n");
  ASSERT_TRUE(caller.reload());

  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (server_.connections_open() > 0 && std::chrono::steady_clock::now() < until) continue;
  EXPECT_EQ(server_.connections_open(), 0);
  EXPECT_EQ(get(caller, "a"), "/echo/1");
  EXPECT_EQ(get(caller, "b"), "unknown_service");
  step = 2;
  resting.join();
}

TEST_F(Reload, ABrokenFileLeavesEverythingAsItWas) {
  write(service("a"));
  Caller caller = open(false);
  for (const std::string broken : {"[services.a", "", "[services.a]\nplugin = \"static:echo\"\n",
                                   "[services.a]\nplugin = \"gone\"\nbase_url = \"http://x\"\n"}) {
    write(broken);
    const auto refused = caller.reload();
    ASSERT_FALSE(refused) << broken;
    EXPECT_EQ(get(caller, "a"), "/echo/1");
  }
  EXPECT_EQ(caller.stats().reloads_refused, 4u);
  EXPECT_EQ(caller.stats().generation, 1u);
}

TEST_F(Reload, AServiceThatIsNotRequiredStaysAsItIsWhileAFileOfItIsMissing) {
  std::ofstream(folder_ / "token") << "t0ken";
  write(service("a") + service("b") +
        "required = false\nauth = {type = \"bearer\", token_file = \"token\"}\n");
  Caller caller = open(false);
  (void)logged();
  fs::remove(folder_ / "token");

  const ReloadReport report = caller.reload().value();

  EXPECT_TRUE(report.removed.empty());
  EXPECT_EQ(get(caller, "b"), "/echo/1");
  const std::string log = logged();
  EXPECT_NE(
      log.find("registry.toml:9:39: services.b.auth.token_file: " + (folder_ / "token").string() +
               ": No such file or directory; not required, so it is kept as it was\n"),
      std::string::npos)
      << log;
}

TEST_F(Reload, AServiceThatIsNotRequiredAndLacksACertificateIsLeftOutAlone) {
  write(service("a") +
        "[services.b]\nplugin = \"static:echo\"\nbase_url = \"https://127.0.0.1:1\"\n"
        "required = false\ntls = {ca_file = \"gone.pem\"}\n");
  Caller caller = open(false);

  EXPECT_EQ(get(caller, "a"), "/echo/1");
  EXPECT_EQ(get(caller, "b"), "unknown_service");
  const std::string log = logged();
  EXPECT_NE(log.find("gone.pem: No such file or directory; not required, so it is left out\n"),
            std::string::npos)
      << log;
}

TEST_F(Reload, AWatchedFileAppliesByItself) {
  write(service("a"));
  Caller caller = open(true);
  write(service("a") + service("hot"));

  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (get(caller, "hot") != "/echo/1" && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();

  EXPECT_EQ(get(caller, "hot"), "/echo/1");
}

TEST_F(Reload, AWatchedFileThatWasRefusedForItsModeIsTakenOnceTheModeIsRight) {
  write(service("a"));
  Caller caller = open(true);
  const fs::path next = folder_ / "next";
  std::ofstream(next) << "schema = 1\n" << service("a") << service("b");
  fs::permissions(next, fs::perms(0666));
  fs::rename(next, folder_ / "registry.toml");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (caller.reloads().empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_EQ(caller.reloads().at(0).reason, "unsafe_mode");

  fs::permissions(folder_ / "registry.toml", fs::perms(0600));

  EXPECT_TRUE(becomes(caller, "b", "/echo/1"));
}

TEST_F(Reload, NoCallFailsWhileTheRegistryIsReplaced) {
  write(service("a"));
  Caller caller = open(false);
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        const std::string answer = get(caller, "a");
        if (answer != "/echo/1" && answer != "/x/echo/1") ++failed;
        ++done;
      }
    });
  for (int i = 0; i < 50; ++i) {
    write(service("a", i % 2 == 0 ? "/x" : "") + service("b" + std::to_string(i)));
    ASSERT_TRUE(caller.reload());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(failed.load(), 0);
  EXPECT_GT(done.load(), 0);
}

}  // namespace
}  // namespace callerapi
