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

TEST(RegistryInstances, DiscoveryIsStaticOrByDns) {
  EXPECT_FALSE(parse("")->services.at(0).discovers);
  EXPECT_FALSE(parse("discovery = \"static\"")->services.at(0).discovers);
  EXPECT_TRUE(parse("discovery = \"dns\"")->services.at(0).discovers);
  EXPECT_TRUE(parse("", {{"CALLERAPI_SERVICES__S__DISCOVERY", "dns"}})->services.at(0).discovers);
}

}  // namespace
}  // namespace callerapi::registry
