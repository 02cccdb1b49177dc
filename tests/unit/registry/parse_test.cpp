#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "registry/names.hpp"
#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

using namespace std::chrono_literals;

const std::string head = "schema = 1\n";
// Line 2 is the header, line 3 plugin, line 4 base_url: what a test adds begins at line 5.
const std::string billing =
    head + "[services.billing]\nplugin = \"billing\"\nbase_url = \"http://h:1/v1/\"\n";

Result<Registry> parse(const std::string& text, const Environment& environment = {}) {
  return parse_registry(text, "registry.toml", "/etc/app", environment);
}
std::string message(const std::string& text, const Environment& environment = {}) {
  const auto parsed = parse(text, environment);
  return parsed ? "accepted" : parsed.error().message;
}
std::string reason(const std::string& text, const Environment& environment = {}) {
  const auto parsed = parse(text, environment);
  return parsed ? "accepted" : parsed.error().reason;
}
catalogue::Effective resolved(const ServiceEntry& service) {
  const auto& l = service.layers;
  return catalogue::resolve({.defaults = &l.defaults,
                             .service = &l.service,
                             .environment = &l.environment,
                             .clamps = &l.clamps})
      .value();
}

TEST(ParseRegistry, AFaultIsOneLineWhateverItQuotes) {
  EXPECT_EQ(
      message(
          "schema = 1\n[services.a]\nplugin = \"http\"\nbase_url = \"${NONE:?1st\\n2nd\\t}\"\n"),
      "registry.toml:4:12: services.a.base_url: environment variable NONE is not set; 1st 2nd ");
}

TEST(ParseRegistry, ReadsWhatTheGuideShows) {
  const auto registry = parse(R"(schema = 1
[caller]
name       = "invoice-worker"
plugin_dir = "plugins"
profile    = "${CALLERAPI_PROFILE:-local}"
[profiles.local]
default_url = "http://localhost:6000/{service}"
[profiles.prod]
default_url = "https://{service}.svc.example"
[defaults.timeouts]
total = "20s"
[services.stock]
plugin = "http"
[services.billing]
plugin   = "billing.capi.so"
base_url = "${BILLING_URL:?set BILLING_URL}"
unload   = "pin"
config   = { token = "$$x", depth = 3 }
[services.billing.timeouts]
connect = "1s"
[services.billing.retry]
max_attempts = 3
[services.billing.headers]
X-Tenant = "blue"
[services.billing.endpoints.create.timeouts]
total = "5s"
)",
                              {{"BILLING_URL", "http://b:7"}});
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->caller_name, "invoice-worker");
  EXPECT_EQ(registry->plugin_dir, "/etc/app/plugins");
  EXPECT_EQ(registry->profile, "local");
  ASSERT_EQ(registry->services.size(), 2u);
  const ServiceEntry& one = registry->services[0];
  EXPECT_EQ(one.name, "billing");
  EXPECT_EQ(one.plugin, "billing.capi.so");
  EXPECT_EQ(one.base_url, "http://b:7");
  EXPECT_EQ(one.base_url_origin, "registry.toml:16");
  EXPECT_TRUE(one.pinned);
  EXPECT_EQ(one.config, (std::map<std::string, std::string>{{"depth", "3"}, {"token", "$x"}}));
  const auto settings = resolved(one);
  EXPECT_EQ(settings.policy.timeouts.total, 20s);
  EXPECT_EQ(settings.pool.connect, 1s);
  EXPECT_EQ(settings.policy.retry.max_attempts, 3);
  EXPECT_EQ(settings.origin_of("pool.idle")->from, "built-in");
  EXPECT_EQ(settings.origin_of("timeouts.connect")->from, "registry.toml:20");
  EXPECT_EQ(settings.origin_of("headers.X-Tenant")->value, "blue");
  EXPECT_EQ(one.layers.endpoints.at("create").at(0).value, "5s");
  EXPECT_EQ(registry->services[1].base_url, "http://localhost:6000/stock");
}

TEST(ParseRegistry, AnEmptyFileIsNotRemoveEverything) {
  EXPECT_EQ(reason(""), "schema");
  EXPECT_EQ(reason(head), "empty");
  EXPECT_EQ(reason(head + "allow_empty = true\n"), "accepted");
  EXPECT_EQ(reason("schema = 2\n[services]\n"), "schema");
}

TEST(ParseRegistry, AllFaultsAreCollectedInTheOrderOfTheFile) {
  std::vector<Error> all;
  const auto parsed =
      parse_registry(billing + "colour = 1\n[zebra]\n[aardvark]\n", "r", "/", {}, &all);
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(parsed.error().message.ends_with(" (+2 more)")) << parsed.error().message;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(all[0].message.starts_with("r:5:1: services.billing.colour"));
  EXPECT_TRUE(all[1].message.starts_with("r:6:2: zebra"));
  EXPECT_TRUE(all[2].message.starts_with("r:7:2: aardvark"));
}

/// What lint says of the service billing with these lines.
std::vector<std::string> said_of(const std::string& lines, const std::string& plugin = "http",
                                 const Environment& environment = {}) {
  std::vector<Error> all;
  std::vector<std::string> messages;
  (void)parse_registry(
      head + "[services.billing]\nplugin = \"" + plugin + "\"\nbase_url = \"http://h:1\"\n" + lines,
      "r", "/", environment, &all);
  for (const Error& error : all) messages.push_back(error.message);
  return messages;
}

using Messages = std::vector<std::string>;

TEST(ParseRegistry, AllFaultsIncludeValuesAboveBuiltInOnes) {
  EXPECT_EQ(said_of("timeouts.attempt = \"60s\"\nretry.base = \"3s\"\n"),
            (Messages{"r:5:20: services.billing.timeouts.attempt: 1m is more than timeouts.total, "
                      "which is 30s (built-in); lower this or raise that",
                      "r:6:14: services.billing.retry.base: 3s is more than retry.cap, which is 2s "
                      "(built-in); lower this or raise that"}));
  EXPECT_EQ(said_of("breaker.open = \"16s\"\nejection.base = \"10m\"\n").size(), 2u);
  EXPECT_EQ(said_of("retry.throttle_base = \"21s\"\ntimeouts.connect = \"31s\"\n").size(), 2u);
  EXPECT_EQ(said_of("breaker.window = \"5s\"\n").size(), 1u);
  EXPECT_EQ(said_of("header_names.call_id = \"X-Request-Id\"\n").size(), 1u);
  EXPECT_EQ(said_of("timeouts.attempt = \"60s\"\ntimeouts.total = \"60s\"\n"), Messages{});
  EXPECT_EQ(said_of("timeouts.total = \"1s\"\n"), Messages{});  // built-in values give way
}

TEST(ParseRegistry, AllFaultsIncludeThoseOfEndpointsAndOfTheEnvironment) {
  EXPECT_EQ(
      said_of("[services.billing.endpoints.pay]\nretry.cap = \"10ms\"\n"
              "[services.billing.endpoints.ask]\nretry.base = \"3s\"\n"),
      Messages{"r:8:14: services.billing.endpoints.ask.retry.base: 3s is more than retry.cap, "
               "which is 2s (built-in); lower this or raise that"});
  EXPECT_EQ(
      said_of("", "http", {{"CALLERAPI_SERVICES__BILLING__TIMEOUTS__ATTEMPT", "40s"}}),
      Messages{"environment CALLERAPI_SERVICES__BILLING__TIMEOUTS__ATTEMPT: services.billing."
               "timeouts.attempt: 40s is more than timeouts.total, which is 30s (built-in); lower "
               "this or raise that"});
}

TEST(ParseRegistry, AClampThatIsNoneIsToldAndDoesNothing) {
  const auto said = said_of("[clamps]\nheaders.X = \"y\"\ntimeouts = \"python\"\n");
  ASSERT_EQ(said.size(), 2u);
  for (const std::string& one : said) EXPECT_NE(one.find("cannot be clamped"), one.npos) << one;
}

TEST(ParseRegistry, WhatAPluginMayHaveRaisedIsToldAsSuch) {
  EXPECT_EQ(said_of("timeouts.attempt = \"60s\"\n", "billing"),
            Messages{"r:5:20: services.billing.timeouts.attempt: 1m is more than timeouts.total, "
                     "which is 30s (built-in); lower this or raise that; if the plugin sets that, "
                     "set it here as well"});
}

TEST(ParseRegistry, AContradictionIsToldOnceHoweverManyServicesHaveIt) {
  EXPECT_EQ(said_of("[services.b]\nplugin = \"http\"\nbase_url = \"http://h:2\"\n"
                    "[defaults]\ntimeouts.attempt = \"60s\"\n"),
            Messages{"r:9:20: defaults.timeouts.attempt: 1m is more than timeouts.total, which is "
                     "30s (built-in); lower this or raise that"});
}

/// Who loads the plugins checks what comes of all levels.
TEST(ParseRegistry, OneFaultIsNotLookedForWhereAPluginMayStillMendIt) {
  EXPECT_TRUE(parse(billing + "timeouts.attempt = \"60s\"\n"));
}

TEST(ParseRegistry, TheEnvironmentOverridesEveryLevelOfTheFile) {
  const auto registry =
      parse(billing, {{"CALLERAPI_SERVICES__BILLING__TIMEOUTS__READ_IDLE", "7s"},
                      {"CALLERAPI_SERVICES__BILLING__BASE_URL", "http://other:2"},
                      {"CALLERAPI_SERVICES__BILLING__HEADERS__X_TENANT", "blue"},
                      {"CALLERAPI_SERVICES__BILLING__CONFIG__TOKEN", "t"},
                      {"CALLERAPI_SERVICES__BILLING__ENDPOINTS__GET_ONE__TIMEOUTS__TOTAL", "1s"},
                      {"CALLERAPI_CALLER__PLUGIN_DIR", "/opt/p"}});
  ASSERT_TRUE(registry) << registry.error().message;
  const ServiceEntry& service = registry->services.at(0);
  const auto settings = resolved(service);
  EXPECT_EQ(settings.policy.timeouts.read_idle, 7s);
  EXPECT_EQ(settings.origin_of("timeouts.read_idle")->from,
            "environment CALLERAPI_SERVICES__BILLING__TIMEOUTS__READ_IDLE");
  EXPECT_EQ(settings.origin_of("headers.x-tenant")->value, "blue");
  EXPECT_EQ(service.base_url, "http://other:2");
  EXPECT_EQ(service.base_url_origin, "environment CALLERAPI_SERVICES__BILLING__BASE_URL");
  EXPECT_EQ(service.config.at("token"), "t");
  EXPECT_EQ(service.layers.environment_endpoints.at("get_one").at(0).key, "timeouts.total");
  EXPECT_EQ(registry->plugin_dir, "/opt/p");
}

TEST(ParseRegistry, AVariableSetsAKeyOfConfigAsTheFileSpellsIt) {
  const std::string config = "config = { api-key = \"f\", apiUrl = \"f\", a__b = \"f\" }\n";
  const auto registry =
      parse(billing + config, {{"CALLERAPI_SERVICES__BILLING__CONFIG__API_KEY", "1"},
                               {"CALLERAPI_SERVICES__BILLING__CONFIG__APIURL", "2"},
                               {"CALLERAPI_SERVICES__BILLING__CONFIG__A__B", "3"},
                               {"CALLERAPI_SERVICES__BILLING__CONFIG__NEW", "4"}});
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->services.at(0).config,
            (std::map<std::string, std::string>{
                {"api-key", "1"}, {"apiUrl", "2"}, {"a__b", "3"}, {"new", "4"}}));
}

TEST(ParseRegistry, AVariableWithABadKeyOrValueIsAnError) {
  EXPECT_EQ(message(billing, {{"CALLERAPI_SERVICES__BILLING__TIMEOUTS__TOTL", "7s"}}),
            "environment CALLERAPI_SERVICES__BILLING__TIMEOUTS__TOTL: "
            "services.billing.timeouts.totl: unknown key; did you mean 'timeouts.total'?");
  EXPECT_EQ(reason(billing, {{"CALLERAPI_SERVICES__BILLING__UNLOAD", "x"}}), "bad_value");
}

TEST(ParseRegistry, AVariableForAnotherCallersServiceIsOnlyAWarning) {
  const auto registry = parse(billing, {{"CALLERAPI_SERVICES__SHOP__PLUGIN", "x"}});
  ASSERT_TRUE(registry);
  ASSERT_EQ(registry->warnings.size(), 1u);
  EXPECT_EQ(registry->warnings[0],
            "environment CALLERAPI_SERVICES__SHOP__PLUGIN: names no service of this registry; it "
            "has no effect");
}

TEST(ParseRegistry, AVariableOfTheCallerThatNothingReadsIsAWarningToo) {
  const auto registry = parse(billing, {{"CALLERAPI_CALLER__REQUIRE_PINS", "true"},
                                        {"CALLERAPI_CALLER__NAME", "n"},
                                        {"CALLERAPI_CALLER__PROFILE", ""}});
  ASSERT_TRUE(registry);
  ASSERT_EQ(registry->warnings.size(), 1u);
  EXPECT_EQ(registry->warnings[0],
            "environment CALLERAPI_CALLER__REQUIRE_PINS: of [caller], variables may set NAME, "
            "PLUGIN_DIR, PROFILE and RESOLVER; it has no effect");
}

TEST(ParseRegistry, AVariableReplacesTheAddressesThatAServiceMayLeadTo) {
  const std::string variable = "CALLERAPI_SERVICES__BILLING__ALLOW_ADDRESSES";
  const auto registry =
      parse(billing + "allow_addresses = \"10.0.0.0/8\"\n", {{variable, "192.168.0.0/16, ::1"}});
  ASSERT_TRUE(registry) << registry.error().message;
  const auto& ranges = registry->services.at(0).allow_addresses;
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].text(), "192.168.0.0/16");
  EXPECT_EQ(ranges[1].text(), "::1");
  for (const char* wrong : {"10.0.0.1/8", "", "10.0.0.0/8,", "anywhere"})
    EXPECT_EQ(message(billing, {{variable, wrong}}),
              "environment " + variable +
                  ": expected address ranges separated by commas such as 10.0.0.0/8,127.0.0.1, "
                  "whose bits behind the prefix are 0");
}

TEST(ParseRegistry, AServiceMayHaveItsPluginFileWatched) {
  EXPECT_FALSE(parse(billing)->services.at(0).watch);
  EXPECT_TRUE(parse(billing + "watch = true\n")->services.at(0).watch);
}

TEST(ParseRegistry, TheProgramsContractStandsInForAPlugin) {
  const std::string one = head + "[services.billing-eu]\nbase_url = \"http://s\"\n";
  const std::string variable = "CALLERAPI_SERVICES__BILLING_EU__";
  const auto plugin = [](const std::string& text, const Environment& environment = {}) {
    const auto parsed = parse(text, environment);
    return parsed ? parsed->services.at(0).plugin : parsed.error().message;
  };
  EXPECT_EQ(plugin(one + "contract = \"caller\"\n"), "caller:billing-eu");
  EXPECT_EQ(plugin(one + "contract = \"caller:billing\"\n"), "caller:billing");
  EXPECT_EQ(plugin(one, {{variable + "CONTRACT", "caller"}}), "caller:billing-eu");
  // The day the team ships a plugin, one variable is enough.
  EXPECT_EQ(plugin(one + "contract = \"caller\"\n", {{variable + "PLUGIN", "billing"}}), "billing");
  const std::string rule =
      "expected \"caller\", for the contract that the program gives in Options::contracts under "
      "the name of the service, or \"caller:billing\" for one of another id";
  EXPECT_EQ(plugin(one + "contract = \"callee\"\n"),
            "registry.toml:4:12: services.billing-eu.contract: " + rule + ", saw \"callee\"");
  EXPECT_EQ(plugin(one, {{variable + "CONTRACT", "caller:"}}),
            "environment " + variable + "CONTRACT: " + rule);
  EXPECT_EQ(
      plugin(one + "contract = \"caller\"\nplugin = \"billing\"\n"),
      "registry.toml:4:12: services.billing-eu.contract: the program's own contract stands in "
      "for a plugin, so there is no 'plugin'; leave one of the two out");
  EXPECT_EQ(plugin(one + "plugin = \"caller:billing\"\n"),
            "registry.toml:4:10: services.billing-eu.plugin: is no plugin; write contract = "
            "\"caller:billing\" instead");
}

TEST(ParseRegistry, ThePythonPackagesVariablesCountWhenAskedFor) {
  const std::string text = head +
                           "[caller]\npython_env = true\n[profiles.prod]\n"
                           "default_url = \"http://prod/{service}\"\n"
                           "[services.a]\nplugin = \"http\"\n"
                           "[services.b]\nplugin = \"http\"\nbase_url = \"http://file\"\n";
  const auto urls = [&](const Environment& environment) {
    const auto parsed = parse(text, environment);
    if (!parsed) return parsed.error().reason;
    return parsed->services[0].base_url + " " + parsed->services[1].base_url;
  };
  EXPECT_EQ(urls({}), "no_base_url");
  EXPECT_EQ(urls({{"DEPLOY", "0"}}), "http://prod/a http://file");
  EXPECT_EQ(urls({{"DEPLOY", "1"}, {"DEFAULT_URL", "http://all"}}), "http://all http://file");
  EXPECT_EQ(urls({{"A_URL", "http://one"}, {"B_URL", "http://two"}}), "http://one http://two");
  EXPECT_EQ(reason(head + "[services.a]\nplugin = \"http\"\n", {{"A_URL", "http://one"}}),
            "no_base_url")
      << "only when asked for";
}

TEST(ParseRegistry, AServiceThatIsNotRequiredIsLeftOutWhenItsVariableIsMissing) {
  const std::string shop = "[services.shop]\nplugin = \"http\"\nbase_url = \"${SHOP}\"\n";
  const auto registry = parse(billing + shop + "required = false\n");
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->services.size(), 1u);
  ASSERT_EQ(registry->skipped.size(), 1u);
  EXPECT_EQ(registry->skipped[0].name, "shop");
  EXPECT_EQ(registry->skipped[0].why.reason, "env_missing");
  EXPECT_EQ(reason(billing + shop + "required = false\ncolour = 1\n"), "env_missing")
      << "other faults still refuse the file";
}

TEST(ParseRegistry, AProfileOfAVariableThatIsNotThereNamesTheVariable) {
  EXPECT_EQ(message(billing + "[caller]\nprofile = \"prod\"\n[profiles.prod]\n",
                    {{"CALLERAPI_CALLER__PROFILE", "prd"}}),
            "environment CALLERAPI_CALLER__PROFILE: there is no [profiles.prd]; did you mean "
            "'prod'?");
}

TEST(ParseRegistry, WhatStoodInAFileIsNeverShown) {
  const auto registry =
      parse(billing + "[services.billing.headers]\nX-A = \"${file:/proc/self/comm}\"\n");
  // /proc files have no size and still are files; what matters is that the value stays hidden.
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(resolved(registry->services[0]).origin_of("headers.X-A")->value, "(hidden)");
}

TEST(ParseRegistry, TenThousandServicesAreReadInOneGo) {
  std::string text = head;
  for (int i = 0; i < 10'000; ++i)
    text += "[services.s" + std::to_string(i) +
            "]\nplugin = \"http\"\nbase_url = \"http://h:1\"\ntimeouts.total = \"5s\"\n";
  const auto registry = parse(text);
  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->services.size(), 10'000u);
}

TEST(Names, AreLowerCaseGroups) {
  for (const char* good : {"a", "billing", "billing-eu", "a_b-c9", "v1x"})
    EXPECT_TRUE(is_name(good)) << good;
  for (const char* bad : {"", "A", "1a", "a-", "-a", "a--b", "a_-b", "a.b", "../a", "a b", "ä"})
    EXPECT_FALSE(is_name(bad)) << bad;
  EXPECT_TRUE(is_name(std::string(63, 'a')));
  EXPECT_FALSE(is_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace callerapi::registry
