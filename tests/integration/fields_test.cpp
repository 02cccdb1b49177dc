#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;

const std::set<std::string> framing = {"Host", "Content-Length"};

/// The fields of the first table of the page.
std::set<std::string> documented() {
  std::ifstream page(CALLERAPI_TEST_SOURCE "/docs/reference/headers.md");
  std::set<std::string> names;
  bool sent = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) sent = line == "## Sent";
    if (sent && line.starts_with("| `")) names.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return names;
}

Context context() {
  Headers inbound;
  inbound.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  inbound.add("tracestate", "a=b");
  inbound.add("baggage", "user=7");
  return Context::from_headers(inbound, std::chrono::steady_clock::now(), {.baggage = {"user"}});
}

TEST(Fields, EveryOneThatIsSentIsOnThePageAndTheOtherWayRound) {
  const auto services = std::make_shared<testing::ScriptedTransport>();
  services->on("echo", "get", testing::json_response("{}"));
  services->on("echo", "keyed", testing::json_response("{}"));
  services->once("echo", "get", testing::json_response("{}", 503));
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = services;
  Caller caller = Caller::from_toml(R"(schema = 1
[caller]
name = "tests"
[services.echo]
plugin = "static:echo"
base_url = "http://127.0.0.1:1"
[services.echo.auth]
type = "bearer"
token = "t"
[services.echo.request]
id = true
gzip = true
[services.echo.context]
attempts_left = true
)",
                                    std::move(options))
                      .value();

  ASSERT_TRUE(caller.call("echo", "get", Request{}.path("id", "1").context(context())));
  ASSERT_TRUE(
      caller.call("echo", "keyed", Request{}.json_text("\"" + std::string(2000, 'x') + "\"")));

  std::set<std::string> sent;
  for (const testing::SeenRequest& request : services->requests())
    for (const auto& [name, value] : request.headers)
      if (!framing.contains(std::string(name))) sent.emplace(name);
  EXPECT_EQ(sent, documented());
}

/// Values of that name in the order they were sent.
std::vector<std::string> values(const testing::SeenRequest& request, std::string_view name) {
  std::vector<std::string> out;
  for (const auto& [key, value] : request.headers)
    if (same_name(key, name)) out.emplace_back(value);
  return out;
}

TEST(Fields, OfAnAttemptAreSentOnceInEachAndLeaveNothingForTheNext) {
  const auto services = std::make_shared<testing::ScriptedTransport>();
  services->on("echo", "get", testing::json_response("{}", 503));
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = services;
  Caller caller = Caller::from_toml(R"(schema = 1
[services.echo]
plugin = "static:echo"
base_url = "http://127.0.0.1:1"
retry = { max_attempts = 3, base = "1ms" }
auth = { type = "bearer", token = "t" }
request.id = true
)",
                                    std::move(options))
                      .value();
  // A field of an attempt that the request brings itself is replaced in each; its others stay.
  for (const bool own : {false, true}) {
    Request request = Request{}.path("id", "1").header("X-Own", "1");
    if (own) request.headers.add("Caller-Timeout-Ms", "1");
    const std::size_t before = services->requests().size();
    ASSERT_EQ(caller.call("echo", "get", std::move(request))->status, 503);

    ASSERT_EQ(services->requests().size(), before + 3);
    std::set<std::string> ids;
    for (std::size_t i = 0; i < 3; ++i) {
      const testing::SeenRequest seen = services->requests()[before + i];
      EXPECT_EQ(values(seen, "X-Own"), std::vector<std::string>{"1"});
      EXPECT_EQ(values(seen, "Authorization"), std::vector<std::string>{"Bearer t"});
      ASSERT_EQ(values(seen, "Caller-Timeout-Ms").size(), 1u) << own;
      EXPECT_NE(values(seen, "Caller-Timeout-Ms")[0], "1");
      ASSERT_EQ(values(seen, "X-Request-Id").size(), 1u);
      ids.insert(values(seen, "X-Request-Id")[0]);
      const auto attempts = values(seen, "Caller-Previous-Attempts");
      EXPECT_EQ(attempts,
                i == 0 ? std::vector<std::string>{} : std::vector<std::string>{std::to_string(i)});
    }
    EXPECT_EQ(ids.size(), 3u) << "each attempt has an id of its own";
  }
}

}  // namespace
}  // namespace callerapi
