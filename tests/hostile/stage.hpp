#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi::hostile {

namespace fs = std::filesystem;

inline std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// How often `text` stands in /proc/self/maps.
inline std::size_t mapped(const std::string& text) {
  const std::string maps = bytes_of("/proc/self/maps");
  std::size_t count = 0;
  for (std::size_t at = maps.find(text); at != std::string::npos; at = maps.find(text, at + 1))
    ++count;
  return count;
}

inline std::string header_of(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "-";
  const auto from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

/// A folder of plugins, a server that answers with the marks that hooks left, and a Caller whose
/// service "good" must go on working whatever happens to the others.
class Stage : public ::testing::Test {
 protected:
  Stage()
      : server_([](const support::SeenRequest& r) {
          return support::Script{.bytes = support::ok(header_of(r.head, "X-Request-Mark") + "/" +
                                                      header_of(r.head, "X-Sign-Mark"))};
        }) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-hostile-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fs::create_directory(folder_ / "plugins");
    install("good", built("sound"));
  }
  ~Stage() override { fs::remove_all(folder_); }

  static std::string built(const std::string& plugin) {
    return bytes_of(fs::path(CALLERAPI_HOSTILE_DIR) / (plugin + ".capi.so"));
  }
  fs::path file(const std::string& plugin) const {
    return folder_ / "plugins" / (plugin + ".capi.so");
  }
  /// As a careful deployer does: another name, then a rename.
  void install(const std::string& plugin, const std::string& bytes) const {
    const fs::path next = folder_ / "plugins" / "next";
    std::ofstream(next, std::ios::binary) << bytes;
    ::chmod(next.c_str(), 0644);
    fs::rename(next, file(plugin));
  }
  std::string service(const std::string& name, const std::string& more = "") const {
    return "[services." + name + "]\nplugin = \"" + name + "\"\nbase_url = \"" + server_.url() +
           "\"\n" + more;
  }
  void registry(const std::string& services) const {
    std::ofstream(folder_ / "registry.toml") << "schema = 1\n" << services;
  }
  Options options() {
    Options options;
    options.watch = false;
    options.environment.emplace();
    options.log = [this](const LogRecord& record) {
      std::lock_guard lock(mutex_);
      log_.append(record.message).append("\n");
    };
    return options;
  }
  Result<Caller> open(Options options) const {
    return Caller::open((folder_ / "registry.toml").string(), std::move(options));
  }
  Caller open_good() {
    registry(service("good"));
    return open(options()).value();
  }
  std::string logged() {
    std::lock_guard lock(mutex_);
    return log_;
  }
  /// "request mark/sign mark", or the reason of the error.
  static std::string call(Caller& caller, const std::string& name) {
    auto response = caller.call(name, "get", Request{}.path("id", "1"));
    return response ? response->body : response.error().reason;
  }

  support::ScriptedServer server_;
  fs::path folder_;
  std::mutex mutex_;
  std::string log_;
};

/// Calls a service without pause until it goes out of scope.
class Traffic {
 public:
  Traffic(Caller& caller, std::string name, std::string wanted)
      : thread_([this, &caller, name = std::move(name), wanted = std::move(wanted)] {
          while (!stop_) {
            auto response = caller.call(name, "get", Request{}.path("id", "1"));
            if (!response || response->body != wanted) ++failed_;
            ++done_;
          }
        }) {}
  ~Traffic() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (done_ == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    stop_ = true;
    thread_.join();
    EXPECT_GT(done_.load(), 0);
    EXPECT_EQ(failed_.load(), 0) << "of " << done_.load() << " calls";
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> failed_{0}, done_{0};
  std::thread thread_;
};

}  // namespace callerapi::hostile
