// What a reload leaves behind for people: lines in the log, and the history of the last twenty.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;

class ReloadHistory : public ::testing::Test {
 protected:
  ReloadHistory() {
    std::string pattern = (fs::temp_directory_path() / "callerapi-history-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ReloadHistory() override { fs::remove_all(folder_); }

  static std::string service(const std::string& name, const std::string& more = "",
                             const std::string& url = "http://127.0.0.1:1") {
    return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + url + "\"\n" + more;
  }
  void write(const std::string& services) const {
    std::ofstream(folder_ / "registry.toml") << "schema = 1\n" << services;
  }
  Caller open(const std::string& services) {
    write(services);
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    options.log = [this](const LogRecord& record) {
      std::lock_guard lock(mutex_);
      log_.append(record.message).append("\n");
    };
    return Caller::open((folder_ / "registry.toml").string(), std::move(options)).value();
  }
  /// The lines of the one reload from `before` to `after`.
  std::vector<std::string> changes(const std::string& before, const std::string& after) {
    Caller caller = open(before);
    write(after);
    EXPECT_TRUE(caller.reload());
    return caller.reloads().at(0).changes;
  }

  fs::path folder_;
  std::mutex mutex_;
  std::string log_;
};

using Lines = std::vector<std::string>;

TEST_F(ReloadHistory, SaysOfEachServiceWhatCameWentAndChanged) {
  EXPECT_EQ(
      changes(service("a", "timeouts.total = \"30s\"\n") + service("b") + service("same"),
              service("a", "timeouts.total = \"5s\"\npool.connections_max = 7\n",
                      "http://127.0.0.1:2") +
                  service("c") + service("same")),
      (Lines{"a: changed: base_url http://127.0.0.1:1 -> http://127.0.0.1:2, "
             "pool.connections_max 64 -> 7, timeouts.total 30s -> 5s",
             "c: added: plugin static:echo 1.0.0, base_url http://127.0.0.1:1", "b: removed"}));
  // "same" stands on another line now, which is no news.
  EXPECT_NE(log_.find("b: removed\n"), std::string::npos) << log_;
  EXPECT_NE(log_.find("c: added: plugin"), std::string::npos) << log_;
}

TEST_F(ReloadHistory, AServiceThatOnlyStandsElsewhereHasNotChanged) {
  Caller caller = open(service("a") + service("b"));
  write("# a comment\n" + service("a") + service("b", "timeouts.total = \"5s\"\n"));
  const auto report = caller.reload();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->changed, Lines{"b"});
  EXPECT_NE(log_.find("generation 2: 0 added, 1 changed, 0 removed\n"), std::string::npos) << log_;
}

TEST_F(ReloadHistory, AnEndpointsOwnSettingIsNamedAndOneThatFollowsItsServiceIsNot) {
  EXPECT_EQ(changes(service("a",
                            "retry.cap = \"1s\"\n[services.a.endpoints.get]\n"
                            "timeouts.total = \"9s\"\n"),
                    service("a",
                            "retry.cap = \"3s\"\n[services.a.endpoints.get]\n"
                            "timeouts.total = \"8s\"\n")),
            Lines{"a: changed: endpoints.get.timeouts.total 9s -> 8s, retry.cap 1s -> 3s"});
}

TEST_F(ReloadHistory, ShowsNoSecretAndStillSeesThatItChanged) {
  const auto secrets = [](const std::string& secret) {
    return service("a", "headers.Authorization = \"Bearer " + secret + "\"\nproxy = \"http://u:" +
                            secret + "@127.0.0.1:3\"\nconfig = { token = \"" + secret + "\" }\n");
  };
  EXPECT_EQ(
      changes(secrets("one-canary"), secrets("two-canary")),
      Lines{"a: changed: config.token (hidden) -> (hidden), headers.Authorization (hidden) -> "
            "(hidden), proxy.authorization (hidden) -> (hidden)"});
  EXPECT_EQ(log_.find("canary"), std::string::npos) << log_;
}

TEST_F(ReloadHistory, NamesAtMostTwentyKeys) {
  std::string config = "config = { ";
  for (int i = 10; i < 35; ++i) config += (i > 10 ? ", k" : "k") + std::to_string(i) + " = 1";
  const auto lines = changes(service("a"), service("a", config + " }\n"));
  EXPECT_TRUE(lines.at(0).ends_with("config.k29 none -> (hidden) and 5 more")) << lines.at(0);
}

TEST_F(ReloadHistory, KeepsTheLastTwentyAndTheReasonOfARefusal) {
  Caller caller = open(service("a"));
  EXPECT_TRUE(caller.reloads().empty()) << "opening is no reload";
  for (int i = 0; i < 24; ++i) {
    write(i == 23 ? "[services.a" : service("a") + service("b" + std::to_string(i)));
    (void)caller.reload();
  }

  const auto all = caller.reloads();

  ASSERT_EQ(all.size(), 20u);
  EXPECT_TRUE(all.at(0).applied);
  EXPECT_EQ(all.at(0).generation, 6u);
  EXPECT_EQ(all.at(0).changes.back(), "b3: removed");
  EXPECT_FALSE(all.at(19).applied);
  EXPECT_EQ(all.at(19).generation, 24u) << "what stayed in force";
  EXPECT_EQ(all.at(19).reason, "syntax");
  EXPECT_TRUE(all.at(19).message.starts_with("registry.toml:2:")) << all.at(19).message;
  EXPECT_TRUE(all.at(19).changes.empty());
  EXPECT_GE(all.at(19).at, all.at(0).at);
  EXPECT_LT(std::chrono::system_clock::now() - all.at(0).at, std::chrono::minutes(5));
}

}  // namespace
}  // namespace callerapi
