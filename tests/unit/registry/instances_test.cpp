#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

using Sites = std::vector<policy::Site>;

const std::string variable = "CALLERAPI_SERVICES__S__INSTANCES";

// What a test adds begins at line 5.
Result<Registry> parse(const std::string& text, const Environment& environment = {},
                       const std::string& base_url = "http://svc.test/v1") {
  return parse_registry(
      "schema = 1\n[services.s]\nplugin = \"http\"\nbase_url = \"" + base_url + "\"\n" + text,
      "registry.toml", "/", environment);
}
Sites sites(const std::string& text, const Environment& environment = {}) {
  const auto registry = parse(text, environment);
  EXPECT_TRUE(registry) << registry.error().message;
  return registry ? registry->services.at(0).instances : Sites();
}
std::string message(const std::string& text, const Environment& environment = {},
                    const std::string& base_url = "http://svc.test/v1") {
  const auto parsed = parse(text, environment, base_url);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(RegistryInstances, AreUrlsOrTablesWithAWeight) {
  EXPECT_EQ(sites(""), Sites());
  EXPECT_EQ(sites(R"(instances = ["http://a:81", { url = "http://[::1]:82", weight = 2 }])"),
            (Sites{{"a", 81, 1}, {"::1", 82, 2}}));
  EXPECT_EQ(sites("instances = [\"http://${HOST}\"]", {{"HOST", "b"}}), (Sites{{"b", 80, 1}}));
}

TEST(RegistryInstances, AVariableReplacesTheList) {
  EXPECT_EQ(sites("instances = [\"http://a:81\"]", {{variable, "http://b:82, http://c"}}),
            (Sites{{"b", 82, 1}, {"c", 80, 1}}));
  EXPECT_EQ(message("", {{variable, "http://b:82,"}}),
            "environment " + variable +
                ": begins with no scheme; expected http:// or https:// and host[:port][/path], or "
                "unix:/path/of.sock[:/path]");
}

TEST(RegistryInstances, AFaultSaysWhereWhatAndWhatIsRight) {
  const std::string at = "registry.toml:5:";
  const std::string rule =
      "expected an array of URLs and tables such as [\"http://10.0.0.1:8080\", { url = "
      "\"http://10.0.0.2:8080\", weight = 2 }], saw ";
  EXPECT_EQ(message("instances = []"), at + "13: services.s.instances: " + rule + "an empty one");
  EXPECT_EQ(message("instances = \"http://a\""),
            at + "13: services.s.instances: " + rule + "a text");
  EXPECT_EQ(message("instances = [1]"),
            at + "14: services.s.instances: " + rule + "a whole number in it");
  EXPECT_EQ(message("instances = [\"https://a\"]"),
            at + "14: services.s.instances: is https, and base_url is http; an instance says where "
                 "to connect, base_url says how");
  EXPECT_EQ(message("instances = [\"http://a\", \"http://b/v1\"]"),
            at + "26: services.s.instances: has the path /v1; leave it out, the path in base_url "
                 "is that of every instance");
  EXPECT_EQ(message("instances = [\"http://a\", \"http://a:80\"]"),
            at + "26: services.s.instances: is named twice; give it a weight instead");
  EXPECT_EQ(message("instances = [{ weight = 2 }]"),
            at + "14: services.s.instances: an instance has no url; add url = "
                 "\"http://host:port\"");
  EXPECT_EQ(message("instances = [{ url = \"http://a\", wait = 2 }]"),
            at + "34: services.s.instances.wait: unknown key; known are url, weight");
  for (const char* weight : {"0", "101", "\"2\"", "true"})
    EXPECT_EQ(message("instances = [{ url = \"http://a\", weight = " + std::string(weight) + " }]")
                  .substr(0, 92),
              at + "43: services.s.instances.weight: expected a whole number from 1 to 100, saw ")
        << weight;
}

TEST(RegistryInstances, DiscoveryIsStaticOrByDns) {
  EXPECT_FALSE(parse("")->services.at(0).discovers);
  EXPECT_FALSE(parse("discovery = \"static\"")->services.at(0).discovers);
  EXPECT_TRUE(parse("discovery = \"dns\"")->services.at(0).discovers);
  EXPECT_TRUE(parse("", {{"CALLERAPI_SERVICES__S__DISCOVERY", "dns"}})->services.at(0).discovers);
  const std::string at = "registry.toml:5:13: services.s.discovery: ";
  EXPECT_EQ(message("discovery = \"srv\""), at + "expected \"static\" or \"dns\", saw \"srv\"");
  EXPECT_EQ(message("discovery = \"dns\"\ninstances = [\"http://a\"]"),
            at + "\"dns\" finds the instances by the name in base_url; remove instances, or this");
  EXPECT_EQ(message("discovery = \"dns\"", {}, "http://10.0.0.1:80"),
            at + "\"dns\" needs a name in base_url, saw http://10.0.0.1:80");
}

TEST(RegistryInstances, AProxyWouldConnectElsewhere) {
  EXPECT_EQ(message("instances = [\"http://a\"]\nproxy = \"http://p:3128\""),
            "registry.toml:2:1: services.s: has instances of its own and a proxy, which would "
            "connect elsewhere; remove one of them (proxy = \"\" undoes the default)");
}

}  // namespace
}  // namespace callerapi::registry
