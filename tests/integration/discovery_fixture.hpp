// A Host over one service, "svc", that finds out itself where it runs.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "caller/host.hpp"
#include "support/parts.hpp"
#include "support/real_server.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::caller {

/// The clock stands still until it is told to move; names of files are of a folder of its own.
class DiscoveryTest : public ::testing::Test {
 protected:
  template <class F>
  static bool soon(F&& f) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return f();
  }

  void open(const std::string& service, wire::NameFiles names = {}) {
    write_registry(service);
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    options.log = [this](const LogRecord& record) {
      base::Lock lock(mutex_);
      logged_ += std::string(record.message) + "\n";
    };
    host_ = Host::open({folder_.path() + "/registry.toml", {}}, std::move(options), clock_,
                       std::move(names))
                .value();
  }
  /// `service`: all of it but for the plugin.
  void write_registry(const std::string& service) const {
    write("registry.toml", "schema = 1\n[services.svc]\nplugin = \"static:echo\"\n" + service);
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  /// At once and whole.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name + ".new")) << text;
    std::filesystem::rename(path(name + ".new"), path(name));
  }
  Result<Response> get(int attempts = 1) {
    return host_->run(
        support::parts_of(*host_, "svc", "get", Request{}.path("id", "1").max_attempts(attempts)));
  }
  /// A second at a time, each with two whole rounds of the loop behind it.
  void pass(std::chrono::seconds time) {
    for (; time > std::chrono::seconds(0); time -= std::chrono::seconds(1)) {
      clock_->advance(std::chrono::seconds(1));
      for (int i = 0; i < 2; ++i) {
        std::atomic<bool> ran{false};
        host_->loop().post([&] { ran = true; });
        while (!ran) std::this_thread::yield();
      }
    }
  }
  /// "10.0.0.1:80 10.0.0.2:80 x3 "
  std::string names() const {
    std::string text;
    for (const auto& one : host_->snapshot()->services.at("svc")->instances->all()) {
      text += one->name;
      if (one->weight != 1) text += " x" + std::to_string(static_cast<int>(one->weight));
      text += " ";
    }
    return text;
  }
  /// Is that what names() comes to be, as time passes?
  bool becomes(const std::string& wanted) {
    return soon([&] {
      pass(std::chrono::seconds(1));
      return names() == wanted;
    });
  }
  std::string failing() const {
    const auto why = host_->snapshot()->services.at("svc")->discovery->failing();
    return why ? why->message : "";
  }
  std::string logged() {
    base::Lock lock(mutex_);
    return logged_;
  }

  base::Mutex mutex_;
  std::string logged_;
  support::TempFolder folder_;
  std::shared_ptr<base::ManualClock> clock_ = std::make_shared<base::ManualClock>();
  std::shared_ptr<Host> host_;
};

}  // namespace callerapi::caller
