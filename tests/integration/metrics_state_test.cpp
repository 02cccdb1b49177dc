// What the metrics say of pools, policies, plugins and names.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "caller/exposition.hpp"
#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/echo_caller.hpp"
#include "support/exposition.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::read_exposition;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;
using testing::failure;
using testing::json_response;
using testing::ScriptedTransport;

const std::string of_echo = "{service=\"echo\"";

Request get() { return Request{}.path("id", "1").max_attempts(1); }

/// One service that a transport answers for, with those settings.
Caller caller_of(const std::shared_ptr<testing::Transport>& transport,
                 const std::string& settings) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = transport;
  return Caller::from_toml(
             "schema = 1\n[services.echo]\nplugin = \"static:echo\"\n"
             "base_url = \"http://echo.test\"\n" +
                 settings,
             std::move(options))
      .value();
}

Result<Response> refused(const testing::SeenRequest&) {
  return failure(Outcome::connect_error, Sent::no);
}

double value(const Caller& caller, const std::string& sample) {
  const auto seen = read_exposition(caller.metrics_text());
  EXPECT_EQ(seen.faults, std::vector<std::string>{});
  return seen.value(sample);
}

/// Waits until the sample is that.
bool becomes(const Caller& caller, const std::string& sample, double wanted) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (value(caller, sample) != wanted && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  return value(caller, sample) == wanted;
}

TEST(StateMetrics, ABreakerThatOpensIsATransitionAndAState) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", refused);
  Caller caller = caller_of(transport, "breaker.consecutive_failures = 3\n");
  const std::string to = "callerapi_breaker_transitions_total" + of_echo + ",to=\"";
  EXPECT_EQ(value(caller, to + "open\"}"), 0) << "there before it happens";

  for (int i = 0; i < 4; ++i) EXPECT_FALSE(caller.call("echo", "get", get()));

  EXPECT_EQ(value(caller, to + "open\"}"), 1);
  EXPECT_EQ(value(caller, to + "half_open\"}"), 0);
  EXPECT_EQ(value(caller, "callerapi_breaker_state" + of_echo + "}"), 1);
  EXPECT_EQ(value(caller, "callerapi_breaker_rejected_total" + of_echo + ",endpoint=\"get\"}"), 1);
}

TEST(StateMetrics, EjectedInstancesAndChoicesMadeInPanicAreCounted) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", refused);
  Caller caller =
      caller_of(transport,
                "instances = [\"http://a.test\", \"http://b.test\", \"http://c.test\"]\n"
                "breaker.mode = \"off\"\nejection.max_percent = 100\nbalance.policy = "
                "\"round_robin\"\n");
  const std::string instances = "callerapi_instances" + of_echo + ",state=\"";
  EXPECT_EQ(value(caller, instances + "ok\"}"), 3);
  EXPECT_EQ(value(caller, "callerapi_lb_panic_total" + of_echo + "}"), 0);

  for (int i = 0; i < 20; ++i) EXPECT_FALSE(caller.call("echo", "get", get()));

  EXPECT_EQ(value(caller, instances + "ok\"}"), 0);
  EXPECT_EQ(value(caller, instances + "ejected\"}"), 3);
  EXPECT_EQ(value(caller, "callerapi_instance_ejected_total" + of_echo + "}"), 3);
  EXPECT_GE(value(caller, "callerapi_lb_panic_total" + of_echo + "}"), 1);
}

TEST(StateMetrics, CallsThatALimitRefusedAreCountedBesideTheLimit) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport, "limits.inflight = 7\nlimits.rate = 1\nlimits.burst = 1\n");
  EXPECT_TRUE(caller.call("echo", "get", get()));
  EXPECT_FALSE(caller.call("echo", "get", get()));

  EXPECT_EQ(value(caller, "callerapi_limit" + of_echo + "}"), 7);
  EXPECT_EQ(value(caller, "callerapi_limit_refused_total" + of_echo + ",reason=\"rate\"}"), 1);
}

TEST(StateMetrics, AnAdaptiveLimitIsShownAsItIsNow) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport, "limits = { inflight = 7, adaptive = \"gradient2\" }\n");
  const auto answer = caller.call("echo", "get", get().explain());
  ASSERT_TRUE(answer);
  EXPECT_EQ(value(caller, "callerapi_limit" + of_echo + "}"), 7) << "nothing asked for less yet";
  EXPECT_TRUE(answer->record->admission.adaptive);
  EXPECT_EQ(answer->record->admission.in_flight_max, 7);
}

TEST(StateMetrics, BodiesAreMeasuredAsTheyWereOnTheWire) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::ok(std::string(300, 'x'))}; });
  Caller caller = support::echo_caller(server.url());
  ASSERT_TRUE(caller.call("echo", "create", Request{}.json_text("{\"a\": 1}")));
  ASSERT_TRUE(caller.start("echo", "get", get()).get());

  const auto seen = read_exposition(caller.metrics_text());
  const std::string at = ",server_address=\"127.0.0.1\",server_port=\"" +
                         std::to_string(server.port()) + "\",url_template=\"";
  const std::string post = of_echo + ",http_request_method=\"POST\"" + at + "/echo\"";
  const std::string got = of_echo + ",http_request_method=\"GET\"" + at + "/echo/{id}\"";
  EXPECT_EQ(seen.value("http_client_request_body_size_bytes_sum" + post + "}"), 8);
  EXPECT_EQ(seen.value("http_client_response_body_size_bytes_sum" + post + "}"), 300);
  EXPECT_EQ(seen.value("http_client_response_body_size_bytes_bucket" + got + ",le=\"256\"}"), 0);
  EXPECT_EQ(seen.value("http_client_response_body_size_bytes_bucket" + got + ",le=\"1024\"}"), 1);
  EXPECT_EQ(seen.value("http_client_request_body_size_bytes_count" + got + "}"), -1)
      << "it sends none";
}

TEST(StateMetrics, ABodyThatIsStreamedIsMeasuredAtItsEnd) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::ok(std::string(5000, 'x'))}; });
  Caller caller = support::echo_caller(server.url());
  auto stream = caller.open_stream("echo", "get", get());
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->read_all().value().size(), 5000u);
  stream = Error{};

  EXPECT_TRUE(
      becomes(caller,
              "http_client_response_body_size_bytes_sum" + of_echo +
                  ",http_request_method=\"GET\",server_address=\"127.0.0.1\",server_port=\"" +
                  std::to_string(server.port()) + "\",url_template=\"/echo/{id}\"}",
              5000));
}

TEST(StateMetrics, ConnectionsAreShownByStateAndTheirAgeWhenTheyEnd) {
  ScriptedServer server([](const SeenRequest& request) {
    return request.target == "/hold" ? Script{} : Script{.bytes = support::ok("{}")};
  });
  Caller caller = support::echo_caller(server.url(), "pool.connections_max = 1\n");
  const std::string state = "http_client_open_connections" + of_echo + ",http_connection_state=\"";
  const std::string requests = "http_client_active_requests" + of_echo +
                               ",server_address=\"127.0.0.1\",server_port=\"" +
                               std::to_string(server.port()) + "\"}";
  const std::string closed = "http_client_connection_duration_seconds_count";
  ASSERT_TRUE(caller.call("echo", "get", get()));
  EXPECT_EQ(value(caller, state + "idle\"}"), 1);
  EXPECT_EQ(value(caller, state + "active\"}"), 0);
  EXPECT_EQ(value(caller, requests), 0);
  EXPECT_EQ(value(caller, closed), -1) << "none has ended";

  auto holds = caller.start_request("echo", "GET", "/hold");
  EXPECT_TRUE(becomes(caller, state + "active\"}", 1));
  auto waits = caller.start_request("echo", "GET", "/hold");
  EXPECT_TRUE(becomes(caller, "callerapi_pool_waiting" + of_echo + "}", 1));
  EXPECT_EQ(value(caller, requests), 2);
  waits.cancel();
  holds.cancel();
  EXPECT_TRUE(becomes(caller, closed, 1));
  EXPECT_TRUE(becomes(caller, requests, 0));
}

TEST(StateMetrics, APluginIsLoadedUpgradedOrRefused) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "callerapi-loads-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const auto write = [&](const std::string& service) {
    std::ofstream(folder / "registry.toml")
        << "schema = 1\n[services.echo]\nbase_url = \"http://echo.test\"\n" + service;
  };
  write("plugin = \"static:echo\"\n");
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.watch = false;
  Caller caller = Caller::open((folder / "registry.toml").string(), std::move(options)).value();
  ASSERT_TRUE(caller.reload()) << "what has not changed is no load";
  write("plugin = \"static:echo\"\nconfig = { a = \"1\" }\n");
  ASSERT_TRUE(caller.reload());
  write("plugin = \"static:nobody\"\n");
  ASSERT_FALSE(caller.reload());

  for (const std::string result : {"loaded", "upgraded", "refused"}) {
    EXPECT_EQ(value(caller, "callerapi_plugin_load_total{result=\"" + result + "\"}"), 1) << result;
    EXPECT_EQ(
        value(caller, "callerapi_plugin_load_duration_seconds_count{result=\"" + result + "\"}"),
        1);
  }
  EXPECT_EQ(value(caller, "callerapi_config_reload_total{result=\"rejected\"}"), 1);
  std::filesystem::remove_all(folder);
}

TEST(StateMetrics, ACredentialThatWasRenewedOrNotIsCounted) {
  ScriptedServer tokens([](const SeenRequest&) {
    return Script{.bytes = support::status(400, "{\"error\":\"invalid_client\"}")};
  });
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  Caller caller =
      Caller::from_toml("schema = 1\n[services.tokens]\nplugin = \"static:echo\"\nbase_url = \"" +
                            tokens.url() +
                            "\"\n[services.echo]\nplugin = \"static:echo\"\nbase_url = "
                            "\"http://127.0.0.1:1\"\n[services.echo.auth]\ntype = \"oauth2\"\n"
                            "token_service = \"tokens\"\ntoken_path = \"/token\"\nclient_id = "
                            "\"a\"\nclient_secret = \"b\"\n",
                        std::move(options))
          .value();
  EXPECT_EQ(value(caller, "callerapi_auth_refresh_total" + of_echo + ",result=\"error\"}"), 0);
  EXPECT_FALSE(caller.call("echo", "get", get()));
  EXPECT_EQ(value(caller, "callerapi_auth_refresh_total" + of_echo + ",result=\"error\"}"), 1);
  EXPECT_EQ(value(caller, "callerapi_auth_refresh_total" + of_echo + ",result=\"ok\"}"), 0);
  EXPECT_EQ(value(caller, "callerapi_auth_refresh_total{service=\"tokens\",result=\"ok\"}"), -1)
      << "has no credential";
}

TEST(StateMetrics, ANameThatHadToBeAskedForIsALookup) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("{}")}; });
  Caller caller = support::echo_caller("http://localhost:" + std::to_string(server.port()));
  ASSERT_TRUE(caller.call("echo", "get", get()));
  EXPECT_EQ(value(caller, "dns_lookup_duration_seconds_count{result=\"found\"}"), 1);
  EXPECT_EQ(value(caller, "callerapi_dns_stale_total"), 0);
}

TEST(StateMetrics, SamplesWithTheSameLabelsAreOne) {
  base::Distribution one;
  one.buckets[0] = 1;
  one.sum = 1'000'000;
  caller::Exposition out;
  out.family("callerapi_call_duration_seconds");
  out.sample({"echo", "get", "ok"}, one);
  out.sample({"echo", "put", "ok"}, one);
  out.sample({"echo", "get", "ok"}, one);
  out.family("callerapi_call_attempts_total");
  out.sample({"echo", "get"}, 2);
  out.sample({"echo", "get"}, 3);

  const auto seen = read_exposition(out.take());
  EXPECT_EQ(seen.faults, std::vector<std::string>{});
  const std::string get = "{service=\"echo\",endpoint=\"get\"";
  EXPECT_EQ(seen.value("callerapi_call_attempts_total" + get + "}"), 5);
  EXPECT_EQ(seen.value("callerapi_call_duration_seconds_count" + get + ",outcome=\"ok\"}"), 2);
  EXPECT_EQ(seen.value("callerapi_call_duration_seconds_sum" + get + ",outcome=\"ok\"}"), 0.002);
}

}  // namespace
}  // namespace callerapi
