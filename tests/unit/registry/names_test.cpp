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
std::string message(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? "accepted" : parsed.error().message;
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

TEST(RegistryNames, AFaultSaysWhereWhatAndWhatIsRight) {
  EXPECT_EQ(message("caller.resolver = \"nss\"\n"),
            "registry.toml:3:19: caller.resolver: expected \"dns\" or \"system\", saw \"nss\"");
  EXPECT_EQ(parse("", {{"CALLERAPI_CALLER__RESOLVER", "nss"}}).error().message,
            "environment CALLERAPI_CALLER__RESOLVER: expected \"dns\" or \"system\", saw \"nss\"");
  EXPECT_EQ(message("[caller.hosts]\n\"a.b\" = [\"127.0.0.1\", \"other.host\"]\n"),
            "registry.toml:4:23: caller.hosts.a.b: expected a numeric address such as "
            "\"127.0.0.1\" or \"::1\", without port, saw \"other.host\"");
  EXPECT_EQ(message("[caller.hosts]\na = \"127.0.0.1:80\"\n"),
            "registry.toml:4:5: caller.hosts.a: expected a numeric address such as \"127.0.0.1\" "
            "or \"::1\", without port, saw \"127.0.0.1:80\"");
  EXPECT_EQ(message("[caller.hosts]\nsvc.test = \"127.0.0.1\"\n"),
            "registry.toml:4:1: caller.hosts.svc: expected addresses, saw a table; a name with "
            "dots is written in quotes");
  EXPECT_EQ(message("[caller.hosts]\na = []\n"),
            "registry.toml:4:5: caller.hosts.a: expected an address or an array of addresses such "
            "as [\"127.0.0.1\"], saw an empty one");
  EXPECT_EQ(message("[caller.hosts]\na = [1]\n"),
            "registry.toml:4:6: caller.hosts.a: expected an address or an array of addresses such "
            "as [\"127.0.0.1\"], saw a whole number in it");
  EXPECT_EQ(message("[caller.hosts]\n\"a b\" = \"::1\"\n"),
            "registry.toml:4:1: caller.hosts.a b: expected a host name of letters, digits, '-', "
            "'.' and '_'");
}

TEST(RegistryNames, ABadRangeOfAddressesIsRefused) {
  EXPECT_EQ(message("[defaults]\nallow_addresses = [\"10.0.0.1/8\"]\n"),
            "registry.toml:4:20: defaults.allow_addresses: expected an address or a range such as "
            "\"169.254.1.0/24\" whose bits behind the prefix are 0, saw \"10.0.0.1/8\"");
  EXPECT_EQ(message("[services.s]\nplugin = \"http\"\nbase_url = \"http://h\"\n"
                    "allow_addresses = 10\n"),
            "registry.toml:6:19: services.s.allow_addresses: expected an address range or an array "
            "of them such as [\"10.0.0.0/8\"], saw a whole number");
}

TEST(RegistryNames, ABadProxyIsRefusedWithItsPlaceAndWithoutItsPassword) {
  const std::string service = "[services.s]\nplugin = \"http\"\nbase_url = \"http://h\"\n";
  EXPECT_EQ(
      message(service + "proxy = \"https://u:secret@h:1\"\n"),
      "registry.toml:6:9: services.s.proxy: expected http://host:port of a proxy, or \"env\"; "
      "proxies of other kinds are not supported");
  EXPECT_EQ(message("[services.s]\nplugin = \"http\"\nbase_url = \"unix:/run/x\"\n"
                    "proxy = \"http://h:1\"\n"),
            "registry.toml:6:9: services.s.proxy: works for a base_url with http:// only");
}

}  // namespace
}  // namespace callerapi::registry
