// P12: a registry of 5 KiB cut short at every byte and flipped at 2,000 places, all through
// Caller::reload() while calls flow.
//
// A cut file is refused whatever the byte: the profile that every base_url comes from stands last.
// A flipped bit may leave a registry that is as good as the first, with another time-out or another
// name in it; it is applied, for nobody can tell it from an edit. So the judge asks the reader what
// the file says, service by service, without regard to places in the file. A refusal must change
// nothing and say why. A call may fail only when its own service was another, or gone, at some
// moment between its begin and its end; what happens to the other services never excuses it.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "registry/registry.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::promises {
namespace {

namespace fs = std::filesystem;

// A sanitizer makes every reload ten times as long: there every eleventh cut, and fewer flips.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t cut_step = 11;
constexpr int flips = 200;
#else
constexpr std::size_t cut_step = 1;
constexpr int flips = 2000;
#endif

constexpr std::size_t services = 12;
constexpr std::size_t registry_bytes = 5 * 1024;

std::string service_name(std::size_t i) { return "service-" + std::to_string(i); }

/// Every kind of table and value that a registry may hold.
std::string sound_registry(const std::string& url) {
  std::string text =
      "schema = 1\n[caller]\nname = \"sweep\"\nprofile = \"local\"\nresolver = \"dns\"\n"
      "[caller.hosts]\n\"svc.test\" = [\"127.0.0.1\", \"::1\"]\n[clamps]\ntimeouts.total = "
      "\"60s\"\n"
      "[defaults]\nretry.max_attempts = 2\nallow_addresses = \"127.0.0.0/8\"\n"
      "[defaults.timeouts]\ntotal = \"30s\"\nconnect = \"5s\"\n";
  for (std::size_t i = 0; i < services; ++i)
    text += "\n[services." + service_name(i) +
            "]  # one of the twelve\nplugin = \"static:echo\"\nrequired = true\n"
            "config = { token = \"${TOKEN:-none}\", retries = 3, strict = true }\n"
            "headers.X-Team = \"team " +
            std::to_string(i) +
            "\"\npool.connections_max = 16\nlimits.response_body = \"1MiB\"\n[services." +
            service_name(i) + ".timeouts]\nread_idle = \"20s\"\nfirst_byte = \"25s\"\n[services." +
            service_name(i) + ".endpoints.get]\ntimeouts.total = \"28s\"\nretry.base = \"5ms\"\n";
  const std::string end = "[profiles.local]\ndefault_url = \"" + url + "\"\n";
  while (text.size() + end.size() < registry_bytes)
    text +=
        "# " +
        std::string(std::min<std::size_t>(
                        70, registry_bytes - std::min(registry_bytes, text.size() + end.size())),
                    'c') +
        "\n";
  return text + end;
}

bool same_values(const catalogue::Layer& a, const catalogue::Layer& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.key == y.key && x.value == y.value;
  });
}

/// Do both mean the same, wherever in the file they stand?
bool same_service(const registry::ServiceEntry& a, const registry::ServiceEntry& b) {
  const auto& x = a.layers;
  const auto& y = b.layers;
  return a.plugin == b.plugin && a.base_url == b.base_url && a.config == b.config &&
         a.allow_addresses == b.allow_addresses && a.proxy == b.proxy && a.tls == b.tls &&
         same_values(x.defaults, y.defaults) && same_values(x.service, y.service) &&
         same_values(x.clamps, y.clamps) &&
         std::equal(x.endpoints.begin(), x.endpoints.end(), y.endpoints.begin(), y.endpoints.end(),
                    [](const auto& p, const auto& q) {
                      return p.first == q.first && same_values(p.second, q.second);
                    });
}

class P12Sweep : public ::testing::Test {
 protected:
  P12Sweep()
      : server_([](const support::SeenRequest& r) {
          return support::Script{.bytes = support::ok(r.target)};
        }) {
    std::string pattern = (fs::temp_directory_path() / "callerapi-sweep-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    good_ = sound_registry(server_.url());
    write(good_);
    first_ = registry::parse_registry(good_, "registry.toml", folder_, {}).value();
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment.emplace();
    options.watch = false;
    caller_.emplace(Caller::open((folder_ / "registry.toml").string(), std::move(options)).value());
    for (std::size_t i = 0; i < 3; ++i) threads_.emplace_back([this, i] { keep_calling(i); });
  }
  ~P12Sweep() override {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    fs::remove_all(folder_);
  }

  void write(const std::string& text) const {
    std::ofstream(folder_ / "registry.toml", std::ios::binary) << text;
  }

  /// Two threads call themselves, the third through the loop.
  void keep_calling(std::size_t thread) {
    for (std::size_t i = thread; !stop_; ++i) {
      const std::size_t which = i % services;
      const unsigned before = excuses_[which].load();
      Request request = Request{}.path("id", "1");
      auto answer = thread < 2
                        ? caller_->call(service_name(which), "get", std::move(request))
                        : caller_->start(service_name(which), "get", std::move(request)).get();
      ++done_;
      if (answer && answer->body == "/echo/1") continue;
      // Odd: the registry in force says something else; changed: it did meanwhile.
      if (before % 2 == 1 || excuses_[which].load() != before) continue;
      std::lock_guard lock(mutex_);
      failures_ += service_name(which) + ": " +
                   (answer ? "answered " + answer->body : answer.error().message) + "\n";
    }
  }

  std::vector<std::string> published() const {
    std::vector<std::string> all;
    for (const ServiceInfo& s : caller_->services())
      all.push_back(s.name + " " + s.plugin + " " + s.base_url + " " +
                    std::to_string(s.generation));
    return all;
  }

  void expect_refused(const std::string& text) {
    const std::uint64_t generation = caller_->stats().generation;
    write(text);
    const auto reloaded = caller_->reload();
    ++refused_;
    ASSERT_FALSE(reloaded) << "generation " << reloaded->generation << " of\n" << text;
    EXPECT_FALSE(reloaded.error().reason.empty());
    EXPECT_TRUE(reloaded.error().outcome == Outcome::registry_invalid ||
                reloaded.error().outcome == Outcome::plugin_rejected);
    EXPECT_NE(reloaded.error().message.find(": "), std::string::npos);
    EXPECT_EQ(caller_->stats().generation, generation);
    EXPECT_EQ(caller_->stats().reloads_refused, refused_);
    EXPECT_EQ(published(), before_);
  }

  /// Which of the called services the file changes or drops.
  std::vector<std::size_t> touched(const registry::Registry& next) const {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < services; ++i) {
      const auto named = [&](const registry::ServiceEntry& s) { return s.name == service_name(i); };
      const auto was = std::ranges::find_if(first_.services, named);
      const auto is = std::ranges::find_if(next.services, named);
      if (is == next.services.end() || !same_service(*was, *is)) which.push_back(i);
    }
    return which;
  }

  /// The reader takes the file: it is in force now, or its plugin side refuses it.
  void expect_applied_or_refused(const std::string& text, const registry::Registry& next) {
    const auto others = touched(next);
    for (const std::size_t i : others) ++excuses_[i];
    const std::uint64_t generation = caller_->stats().generation;
    write(text);
    const auto reloaded = caller_->reload();
    if (reloaded) {
      ++applied_;
      EXPECT_EQ(reloaded->generation, generation + 1);
      std::vector<std::string> in_force, wanted;
      for (const ServiceInfo& s : caller_->services()) in_force.push_back(s.name + s.base_url);
      for (const auto& s : next.services) wanted.push_back(s.name + s.base_url);
      EXPECT_EQ(in_force, wanted);
      write(good_);
      ASSERT_TRUE(caller_->reload());
    } else {
      // A service that asks for what its plugin does not have.
      ++refused_;
      EXPECT_FALSE(others.empty()) << reloaded.error().message;
      EXPECT_EQ(caller_->stats().generation, generation) << reloaded.error().message;
      EXPECT_EQ(published(), before_);
    }
    for (const std::size_t i : others) ++excuses_[i];
    before_ = published();
  }

  support::ScriptedServer server_;
  fs::path folder_;
  std::string good_;
  registry::Registry first_;
  std::optional<Caller> caller_;
  std::vector<std::string> before_;
  std::uint64_t refused_ = 0, applied_ = 0;
  std::array<std::atomic<unsigned>, services> excuses_{};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> done_{0};
  std::mutex mutex_;
  std::string failures_;
  std::vector<std::thread> threads_;
};

TEST_F(P12Sweep, ARegistryCutAnywhereOrFlippedAnywhereFailsNoCall) {
  ASSERT_GE(good_.size(), registry_bytes);
  ASSERT_LT(good_.size(), registry_bytes + 100);
  before_ = published();
  // The last byte is the line end after the last value: the file is whole without it.
  for (std::size_t cut = 0; cut + 1 < good_.size() && !HasFatalFailure(); cut += cut_step) {
    expect_refused(good_.substr(0, cut));
    if (cut % 32 == 0) server_.forget_requests();
  }
  std::mt19937 random(20240612);
  for (int i = 0; i < flips && !HasFatalFailure(); ++i) {
    std::string text = good_;
    text[random() % text.size()] ^= static_cast<char>(1u << (random() % 8));
    const auto says = registry::parse_registry(text, "registry.toml", folder_, {});
    if (says)
      expect_applied_or_refused(text, *says);
    else
      expect_refused(text);
    if (i % 32 == 0) server_.forget_requests();
  }
  std::lock_guard lock(mutex_);
  EXPECT_EQ(failures_, "");
  EXPECT_GT(done_.load(), 1000u);
  EXPECT_GT(applied_, static_cast<std::uint64_t>(flips) / 10) << "flips in comments and values";
  EXPECT_EQ(caller_->stats().reloads_refused, refused_);
  RecordProperty("calls", std::to_string(done_.load()));
  std::printf("%llu calls, %llu refused, %llu applied\n",
              static_cast<unsigned long long>(done_.load()),
              static_cast<unsigned long long>(refused_), static_cast<unsigned long long>(applied_));
}

}  // namespace
}  // namespace callerapi::promises
