#include "catalogue/resolve.hpp"

#include <gtest/gtest.h>

#include <string>

#include "catalogue/snapshot.hpp"

namespace callerapi::catalogue {
namespace {

using namespace std::chrono_literals;

Setting at(const std::string& line, const std::string& key, const std::string& value) {
  return {key, value, "registry.toml:" + line, "registry.toml:" + line + ":1: services.x." + key};
}

std::string failure(const Layers& layers) {
  const auto resolved = resolve(layers);
  return resolved ? "resolved" : resolved.error().message;
}

TEST(Resolve, AHigherLayerWinsAndTheOriginIsKept) {
  PluginTables tables{"billing", "2.3.1", "team", {{"timeouts.total", "1s"}}, {}};
  EndpointTable create{{.name = "create"}, {{"timeouts.total", "2s"}}};
  const Layer plugin = layer_of(tables), plugin_endpoint = layer_of(tables, create);
  const Layer defaults{at("3", "timeouts.total", "3s")}, service{at("4", "timeouts.total", "4s")},
      endpoint{at("5", "timeouts.total", "5s")};
  const Layer environment{{"timeouts.total", "6s", "environment A", "environment A"}};
  const Layer environment_endpoint{{"timeouts.total", "7s", "environment B", "environment B"}};
  Layers layers;
  const auto expect = [&](Duration total, const std::string& from) {
    const auto resolved = resolve(layers).value();
    EXPECT_EQ(resolved.policy.timeouts.total, total);
    EXPECT_EQ(resolved.origin_of("timeouts.total")->from, from);
  };
  expect(30s, "built-in");
  layers.plugin = &plugin, expect(1s, "plugin billing 2.3.1");
  layers.plugin_endpoint = &plugin_endpoint, expect(2s, "plugin billing 2.3.1");
  layers.defaults = &defaults, expect(3s, "registry.toml:3");
  layers.service = &service, expect(4s, "registry.toml:4");
  layers.endpoint = &endpoint, expect(5s, "registry.toml:5");
  layers.environment = &environment, expect(6s, "environment A");
  layers.environment_endpoint = &environment_endpoint, expect(7s, "environment B");
}

TEST(Resolve, ThePythonPresetIsFiveMinutesAndThreeOfSilence) {
  const Layer service{at("4", "timeouts", "python")};
  const auto resolved = resolve({.service = &service}).value();
  EXPECT_EQ(resolved.policy.timeouts.total, 300s);
  EXPECT_EQ(resolved.policy.timeouts.attempt, Duration(300s));
  EXPECT_EQ(resolved.policy.timeouts.read_idle, 180s);
  EXPECT_EQ(resolved.origin_of("timeouts.read_idle")->from, "registry.toml:4");
}

TEST(Resolve, AValueAboveItsBoundIsAnError) {
  const Layer service{at("4", "timeouts.attempt", "60s")};
  EXPECT_EQ(failure({.service = &service}),
            "registry.toml:4:1: services.x.timeouts.attempt: 1m is more than timeouts.total, which "
            "is 30s (built-in); lower this or raise that");
  const Layer both{at("4", "retry.base", "9s"), at("5", "retry.cap", "3s")};
  EXPECT_EQ(failure({.service = &both}),
            "registry.toml:4:1: services.x.retry.base: 9s is more than retry.cap, which is 3s "
            "(registry.toml:5); lower this or raise that");
}

TEST(Resolve, AHigherLayerThatLowersABoundCutsWhatIsBelow) {
  const Layer service{at("4", "timeouts.attempt", "20s"), at("5", "timeouts.connect", "5s")};
  const Layer endpoint{at("6", "timeouts.total", "1s")};
  const auto resolved = resolve({.service = &service, .endpoint = &endpoint}).value();
  EXPECT_EQ(resolved.policy.timeouts.attempt, Duration(1s));
  EXPECT_EQ(resolved.origin_of("timeouts.attempt")->from, "registry.toml:4, cut to timeouts.total");
}

TEST(Resolve, ABreakerThatForgetsAnAttemptBeforeItEndsIsAnError) {
  const Layer window{at("4", "breaker.window", "19s")};
  EXPECT_EQ(failure({.service = &window}),
            "registry.toml:4:1: services.x.breaker.window: 19s is less than twice "
            "timeouts.attempt, which is 10s where it is not set; raise breaker.window or lower "
            "that");
  const Layer endpoint{at("6", "timeouts.attempt", "25s")};
  const Layer explicit_window{at("4", "breaker.window", "40s")};
  EXPECT_EQ(failure({.service = &explicit_window, .endpoint = &endpoint}),
            "registry.toml:6:1: services.x.timeouts.attempt: breaker.window = 40s is less than "
            "twice timeouts.attempt, which is 25s (registry.toml:6); raise breaker.window or lower "
            "that");
  const Layer both{at("4", "breaker.window", "2s"), at("5", "timeouts.attempt", "1s")};
  EXPECT_EQ(failure({.service = &both}), "resolved");
  const Layer short_total{at("4", "breaker.window", "2s"), at("5", "timeouts.total", "1s")};
  EXPECT_EQ(failure({.service = &short_total}), "resolved");
}

TEST(Resolve, TheBreakersWindowIsDerivedFromTheAttempt) {
  const auto window = [](const char* attempt) {
    const Layer service{at("4", "timeouts.total", "300s"), at("5", "timeouts.attempt", attempt)};
    return resolve({.service = &service}).value().policy.breaker.window;
  };
  EXPECT_EQ(resolve({}).value().policy.breaker.window, 30s);
  EXPECT_EQ(window("15s"), 30s);
  EXPECT_EQ(window("16s"), 32s);
}

TEST(Resolve, EndpointsShareTheBreakerOfTheirService) {
  PluginTables tables{"x", "1.0.0", "team", {}, {}};
  tables.endpoints.push_back({{.name = "quick", .method = "GET", .path = "/q"}, {}});
  tables.endpoints.push_back(
      {{.name = "slow", .method = "GET", .path = "/s"}, {{"timeouts.attempt", "30s"}}});
  const auto service = make_service("x", tables, {}).value();
  EXPECT_EQ(service->settings.policy.breaker.window, 60s);
  EXPECT_EQ(service->endpoints.at("quick").settings.policy.breaker.window, 60s);
  EXPECT_EQ(service->endpoints.at("slow").settings.policy.breaker.window, 60s);

  const Layer endpoint{at("6", "breaker.mode", "off")};
  EXPECT_EQ(failure({.endpoint = &endpoint}),
            "registry.toml:6:1: services.x.breaker.mode: holds for a whole service; set it under "
            "the service or in [defaults]");
}

TEST(Resolve, ShortTotalsNeedNoOtherKey) {
  const Layer service{at("4", "timeouts.total", "500ms"), at("5", "retry.cap", "10ms")};
  EXPECT_EQ(failure({.service = &service}), "resolved");
}

TEST(Resolve, EndpointsOfAServiceShareItsPool) {
  const Layer service{at("4", "timeouts.connect", "1500ms")};
  const Layer endpoint{at("6", "timeouts.total", "1s")};
  EXPECT_EQ(resolve({.service = &service, .endpoint = &endpoint}).value().pool,
            resolve({.service = &service}).value().pool);
  const Layer wrong{at("6", "pool.idle", "1s")};
  EXPECT_EQ(failure({.endpoint = &wrong}),
            "registry.toml:6:1: services.x.pool.idle: holds for a whole service; set it under "
            "the service or in [defaults]");
}

TEST(Resolve, FaultsOfAPluginAreThePlugins) {
  PluginTables tables{"billing", "2.3.1", "team", {{"timeouts.totl", "1s"}}, {}};
  const Layer plugin = layer_of(tables);
  const auto resolved = resolve({.plugin = &plugin});
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().outcome, Outcome::plugin_rejected);
  EXPECT_EQ(resolved.error().message,
            "plugin billing 2.3.1: policy timeouts.totl: unknown key; did you mean "
            "'timeouts.total'?");
}

TEST(Resolve, AKeyGivenTwiceIsAnError) {
  const Layer service{at("4", "headers.X-A", "1"), at("5", "headers.x-a", "2")};
  EXPECT_EQ(failure({.service = &service}),
            "registry.toml:5:1: services.x.headers.x-a: is given twice, first at registry.toml:4; "
            "keep one");
}

TEST(Resolve, HeadersReplaceEachOtherWithoutCaseAndAnEmptyOneTakesBack) {
  const Layer defaults{at("3", "headers.X-A", "1")};
  const Layer service{at("4", "headers.x-a", "2"), at("5", "headers.Accept", "")};
  const auto resolved = resolve({.defaults = &defaults, .service = &service}).value();
  const std::vector<std::pair<std::string, std::string>> expected{{"x-a", "2"}};
  EXPECT_EQ(resolved.policy.headers, expected);
  EXPECT_EQ(resolve({}).value().policy.headers.at(0).first, "Accept");
}

TEST(Resolve, SecretsAreNotShown) {
  Layer service{at("4", "headers.Authorization", "Bearer t0p"), at("5", "headers.X-A", "s3cret")};
  service[1].secret = true;
  const auto resolved = resolve({.service = &service}).value();
  for (const Origin& origin : resolved.origins) {
    EXPECT_EQ(origin.value.find("t0p"), std::string::npos);
    EXPECT_EQ(origin.value.find("s3cret"), std::string::npos);
  }
}

TEST(Resolve, ClampsComeLastAndReachTheOptionsOfACall) {
  const Layer service{at("4", "timeouts.total", "60s"), at("5", "timeouts.attempt", "20s"),
                      at("6", "retry.max_attempts", "5")};
  const Layer clamps{at("8", "timeouts.total", "10s"), at("9", "retry.max_attempts", "2")};
  const auto resolved = resolve({.service = &service, .clamps = &clamps}).value();
  EXPECT_EQ(resolved.policy.timeouts.total, 10s);
  EXPECT_EQ(resolved.policy.timeouts.attempt, Duration(10s));
  EXPECT_EQ(resolved.policy.retry.max_attempts, 2);
  EXPECT_EQ(resolved.policy.total_max, Duration(10s));
  EXPECT_EQ(resolved.policy.attempts_max, 2);
  EXPECT_EQ(resolved.origin_of("timeouts.total")->from, "clamp registry.toml:8");
}

}  // namespace
}  // namespace callerapi::catalogue
