#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

using Hosts = std::vector<std::string>;

// What a test adds begins at line 3.
Result<Registry> parse(const std::string& text, const Environment& environment = {}) {
  return parse_registry("schema = 1\nallow_empty = true\n" + text, "registry.toml", "/",
                        environment);
}

TEST(RegistryNames, AHostIsOneAddressOrSeveral) {
  const auto registry = parse(R"([caller.hosts]
"Svc.Test." = ["::1", "127.0.0.1"]
plain = "127.0.0.2"
from_variable = "${ADDRESS}"
)",
                              {{"ADDRESS", "127.0.0.3"}});

  ASSERT_TRUE(registry) << registry.error().message;
  EXPECT_EQ(registry->names.hosts.at("svc.test"), (Hosts{"::1", "127.0.0.1"}));
  EXPECT_EQ(registry->names.hosts.at("plain"), Hosts{"127.0.0.2"});
  EXPECT_EQ(registry->names.hosts.at("from_variable"), Hosts{"127.0.0.3"});
}

TEST(RegistryNames, TheResolverIsDnsUnlessTheSystemsIsWanted) {
  EXPECT_FALSE(parse("")->names.system);
  EXPECT_FALSE(parse("caller.resolver = \"dns\"\n")->names.system);
  EXPECT_TRUE(parse("caller.resolver = \"system\"\n")->names.system);
  EXPECT_TRUE(parse("", {{"CALLERAPI_CALLER__RESOLVER", "system"}})->names.system);
}

TEST(RegistryNames, AResolverOfAVariableThatIsNoneNamesTheVariable) {
  EXPECT_EQ(parse("", {{"CALLERAPI_CALLER__RESOLVER", "nss"}}).error().message,
            "environment CALLERAPI_CALLER__RESOLVER: expected \"dns\" or \"system\", saw \"nss\"");
}

}  // namespace
}  // namespace callerapi::registry
