#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/plugin.hpp"
#include "callerapi/testing.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace hooked {

using namespace callerapi::dsl;

struct Hooked {
  static constexpr std::string_view id = "hooked", version = "1.0.0", owner = "team-hooked";
  using api = endpoints<get<"get", "/hooked", bytes>>;
  void on_request(callerapi::SignRequest& request) { request.header("X-Hooked", "yes"); }
};

}  // namespace hooked

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

/// The keys of header_names, and another name for each.
const std::map<std::string, std::string> renamed = {{"timeout", "X-Budget"},
                                                    {"previous_attempts", "X-Attempt"},
                                                    {"attempts_left", "X-Left"},
                                                    {"call_id", "X-Call"},
                                                    {"caller", "X-From"},
                                                    {"request_id", "X-Correlation"},
                                                    {"idempotency_key", "PayPal-Request-Id"},
                                                    {"retry_after", "X-Pause"},
                                                    {"deadline_expired", "X-Too-Late"}};

Caller renaming(const std::shared_ptr<testing::Transport>& services, const std::string& url) {
  std::string text =
      "schema = 1\n[caller]\nname = \"tests\"\n[services.plain]\nplugin = \"static:echo\"\n"
      "base_url = \"" +
      url + "\"\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + url +
      "\"\nrequest.id = true\ncontext.attempts_left = true\nretry.base = \"1ms\"\n"
      "retry.throttle_base = \"1ms\"\n[services.echo.header_names]\n";
  for (const auto& [key, name] : renamed) text += key + " = \"" + name + "\"\n";
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = services;
  return Caller::from_toml(text, std::move(options)).value();
}

TEST(Fields, AServiceMayHaveNamesOfItsOwnForTheEnginesFields) {
  const auto services = std::make_shared<testing::ScriptedTransport>();
  for (const char* service : {"echo", "plain"})
    services->on(service, "keyed", testing::json_response("{}"))
        .once(service, "keyed", testing::json_response("{}", 503));
  Caller caller = renaming(services, "http://127.0.0.1:1");

  ASSERT_TRUE(caller.call("echo", "keyed", Request{}.json_text("{}").context(context())));
  ASSERT_TRUE(caller.call("plain", "keyed", Request{}.json_text("{}")));

  const auto seen = services->requests();
  ASSERT_EQ(seen.size(), 4u);
  std::size_t settings = 0;
  for (const SettingInfo& setting : caller.explain("plain", "").value()) {
    if (!setting.key.starts_with("header_names.")) continue;
    ++settings;
    const std::string key = setting.key.substr(setting.key.find('.') + 1);
    const bool read = key == "retry_after" || key == "deadline_expired";
    EXPECT_FALSE(seen[1].headers.contains(setting.value)) << "not by the name of all others";
    EXPECT_NE(seen[1].headers.contains(renamed.at(key)), read) << key;
    EXPECT_FALSE(seen[3].headers.contains(renamed.at(key))) << "nor does another service see it";
  }
  EXPECT_EQ(settings, renamed.size());
  EXPECT_EQ(seen[0].headers.get("PayPal-Request-Id"), seen[1].headers.get("PayPal-Request-Id"));
}

TEST(Fields, AndTheseAreReadByTheNamesOfTheService) {
  const auto services = std::make_shared<testing::ScriptedTransport>();
  Response never = testing::json_response("{}", 503), late = testing::json_response("{}", 504);
  never.headers.add("X-Pause", "-1");
  late.headers.add("X-Too-Late", "1");
  services->once("echo", "get", never).once("echo", "get", late).once("echo", "get", late);
  Caller caller = renaming(services, "http://127.0.0.1:1");
  const auto get = [] { return Request{}.path("id", "1"); };

  const auto refused = caller.call("echo", "get", get().explain());
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->record->attempts.back().stop_reason, "retry_after");
  EXPECT_EQ(caller.call("echo", "get", get()).error().outcome, Outcome::attempt_timeout);
}

TEST(Fields, AnAnswerToAnotherRequestIsToldByThatName) {
  support::ScriptedServer server([](const support::SeenRequest&) {
    return support::Script{.bytes = support::ok("{}", "X-Correlation: another\r\n")};
  });
  Caller caller = renaming(nullptr, server.url());

  const auto answer = caller.call("echo", "create", Request{}.json_text("{}"));

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "request_id");
  EXPECT_NE(answer.error().message.find("the answer is for X-Correlation 'another'"),
            std::string::npos)
      << answer.error().message;
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

TEST(Fields, OfEachAttemptAreItsOwnWhereAPluginHooksTheCall) {
  const auto services = std::make_shared<testing::ScriptedTransport>();
  services->on("hooked", "get", testing::json_response("{}", 503));
  Options options;
  options.static_plugins = {&static_plugin<hooked::Hooked>};
  options.environment.emplace();
  options.transport = services;
  Caller caller = Caller::from_toml(R"(schema = 1
[services.hooked]
plugin = "static:hooked"
base_url = "http://127.0.0.1:1"
retry = { max_attempts = 3, base = "1ms" }
request.id = true
)",
                                    std::move(options))
                      .value();

  ASSERT_EQ(caller.call("hooked", "get")->status, 503);

  std::set<std::string> ids;
  for (const testing::SeenRequest& seen : services->requests()) {
    EXPECT_EQ(values(seen, "X-Hooked"), std::vector<std::string>{"yes"});
    ASSERT_EQ(values(seen, "X-Request-Id").size(), 1u);
    ids.insert(values(seen, "X-Request-Id")[0]);
  }
  EXPECT_EQ(ids.size(), 3u);
}

}  // namespace
}  // namespace callerapi
