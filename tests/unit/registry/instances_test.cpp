#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

using Sites = std::vector<policy::Site>;

const std::string variable = "CALLERAPI_SERVICES__S__INSTANCES";

// What a test adds begins at line 5.
Result<Registry> parse(const std::string& text, const Environment& environment = {}) {
  return parse_registry(
      "schema = 1\n[services.s]\nplugin = \"http\"\nbase_url = \"http://svc.test/v1\"\n" + text,
      "registry.toml", "/", environment);
}
Sites sites(const std::string& text, const Environment& environment = {}) {
  const auto registry = parse(text, environment);
  EXPECT_TRUE(registry) << registry.error().message;
  return registry ? registry->services.at(0).instances : Sites();
}
std::string message(const std::string& text, const Environment& environment) {
  const auto parsed = parse(text, environment);
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

DiscoveryEntry discovery(const std::string& text, const Environment& environment = {}) {
  const auto registry = parse(text, environment);
  EXPECT_TRUE(registry) << registry.error().message;
  return registry ? registry->services.at(0).discovery : DiscoveryEntry();
}

TEST(RegistryInstances, SrvRecordsAreThoseOfBaseUrlOrOfTheNameThatIsGiven) {
  const auto own = discovery("discovery = \"srv\"");
  EXPECT_EQ(own.kind, DiscoveryEntry::Kind::srv);
  EXPECT_EQ(own.from, "_http._tcp.svc.test");
  EXPECT_EQ(discovery("discovery = \"srv\"\ninstances_from = \"_api._tcp.elsewhere.test\"").from,
            "_api._tcp.elsewhere.test");
}

TEST(RegistryInstances, AnotherServiceOfTheRegistryMayBeAsked) {
  const auto registry = parse(
      "discovery = \"http\"\ninstances_from = \"places/v1/s?all=1\"\n[services.places]\n"
      "plugin = \"http\"\nbase_url = \"http://places.test\"",
      {});
  ASSERT_TRUE(registry) << registry.error().message;
  const DiscoveryEntry& http = registry->services.at(1).discovery;  // by name
  EXPECT_EQ(http.kind, DiscoveryEntry::Kind::http);
  EXPECT_EQ(http.from, "places");
  EXPECT_EQ(http.path, "/v1/s?all=1");
}

TEST(RegistryInstances, DiscoveryIsStaticOrByDnsOrByAFile) {
  using Kind = DiscoveryEntry::Kind;
  EXPECT_EQ(discovery("").kind, Kind::listed);
  EXPECT_EQ(discovery("discovery = \"static\"").kind, Kind::listed);
  EXPECT_EQ(discovery("discovery = \"dns\"").kind, Kind::dns);
  EXPECT_EQ(discovery("", {{"CALLERAPI_SERVICES__S__DISCOVERY", "dns"}}).kind, Kind::dns);
  const auto file = discovery("discovery = \"file\"\ninstances_from = \"run/../places\"");
  EXPECT_EQ(file.kind, Kind::file);
  EXPECT_EQ(file.from, "/places") << "from the registry's folder on";
  EXPECT_EQ(discovery("", {{"CALLERAPI_SERVICES__S__DISCOVERY", "file"},
                           {"CALLERAPI_SERVICES__S__INSTANCES_FROM", "/run/places"}})
                .from,
            "/run/places");
}

}  // namespace
}  // namespace callerapi::registry
