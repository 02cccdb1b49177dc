#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "registry/registry.hpp"

namespace callerapi::registry {
namespace {

namespace fs = std::filesystem;

/// A folder with files of secrets, good and bad.
class AuthKeys : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = "/tmp/callerapi-auth-keys-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    write("token", "s3cret\r\n");
    write("empty", "\n");
    write("lines", "s3cret\ns3cret\n");
  }
  static void TearDownTestSuite() { fs::remove_all(folder); }
  static void write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
  }

  /// Line 2 is [services.x], line 5 its auth table; what `auth` adds begins at line 6.
  static Result<Registry> parse(const std::string& auth, const Environment& environment = {},
                                const std::string& url = "https://h/",
                                const std::string& after = "") {
    return parse_registry("schema = 1\n[services.x]\nplugin = \"http\"\nbase_url = \"" + url +
                              "\"\n[services.x.auth]\n" + auth + after,
                          "registry.toml", folder, environment);
  }
  static std::string message(const std::string& auth, const Environment& environment = {},
                             const std::string& url = "https://h/", const std::string& after = "") {
    const auto parsed = parse(auth, environment, url, after);
    return parsed ? "accepted" : parsed.error().reason + ": " + parsed.error().message;
  }
  static AuthEntry auth_of(const Result<Registry>& registry, std::string_view service = "x") {
    for (const ServiceEntry& entry : registry.value().services)
      if (entry.name == service) return entry.auth;
    return {};
  }
  static std::string service(const std::string& name, const std::string& url,
                             const std::string& asks = "") {
    std::string text = "[services." + name + "]\nplugin = \"http\"\nbase_url = \"" + url + "\"\n";
    if (!asks.empty())
      text += "auth = {type = \"oauth2\", token_service = \"" + asks +
              "\", token_path = \"/t\", client_id = \"c\", client_secret = \"s3cret\"}\n";
    return text;
  }

  static inline fs::path folder;
};

TEST_F(AuthKeys, OfABearerAreAToken) {
  const AuthEntry auth = auth_of(parse("type = \"bearer\"\ntoken = \"${T}\"\n", {{"T", "abc"}}));
  EXPECT_EQ(auth.type, AuthEntry::Type::bearer);
  EXPECT_EQ(auth.secret, "abc");
  const AuthEntry file = auth_of(parse("type = \"bearer\"\ntoken_file = \"token\"\n"));
  EXPECT_EQ(file.secret_file, folder / "token");
  EXPECT_EQ(file.secret, "") << "it is read where it is used, for it may change";
}

TEST_F(AuthKeys, OfBasicAreAUserAndAPassword) {
  const AuthEntry auth =
      auth_of(parse("type = \"basic\"\nusername = \"me\"\npassword_file = \"token\"\n"));
  EXPECT_EQ(auth.type, AuthEntry::Type::basic);
  EXPECT_EQ(auth.username, "me");
  EXPECT_EQ(auth.secret_file, folder / "token");
}

TEST_F(AuthKeys, OfOAuth2AreAServiceAndAClient) {
  const AuthEntry auth = auth_of(
      parse("type = \"oauth2\"\ntoken_service = \"login\"\ntoken_path = \"/oauth/token\"\n"
            "client_id = \"c\"\nclient_secret = \"s\"\nscope = \"read write\"\naudience = \"a\"\n",
            {}, "https://h/", service("login", "https://login")));
  EXPECT_EQ(auth.type, AuthEntry::Type::oauth2);
  EXPECT_EQ(auth.token_service, "login");
  EXPECT_EQ(auth.token_path, "/oauth/token");
  EXPECT_EQ(auth.client_id, "c");
  EXPECT_EQ(auth.secret, "s");
  EXPECT_EQ(auth.scope, "read write");
  EXPECT_EQ(auth.audience, "a");
}

TEST_F(AuthKeys, MayComeFromTheEnvironmentWhichTakesThePlaceOfTheOtherKey) {
  const AuthEntry auth = auth_of(parse("type = \"bearer\"\ntoken_file = \"token\"\n",
                                       {{"CALLERAPI_SERVICES__X__AUTH__TOKEN", "abc"}}));
  EXPECT_EQ(auth.secret, "abc");
  EXPECT_TRUE(auth.secret_file.empty());
  EXPECT_EQ(
      message("type = \"bearer\"\ntoken = \"a\"\n", {{"CALLERAPI_SERVICES__X__AUTH__TOKN", "abc"}}),
      "unknown_key: environment CALLERAPI_SERVICES__X__AUTH__TOKN: services.x.auth.tokn: "
      "unknown key");
}

TEST_F(AuthKeys, OfWhichOneTakesThePlaceOfAnotherAreNotBothGiven) {
  EXPECT_EQ(message("type = \"bearer\"\ntoken = \"s3cret\"\ntoken_file = \"token\"\n"),
            "bad_value: registry.toml:7:9: services.x.auth.token: stands beside auth.token_file; "
            "leave one of them out");
}

TEST_F(AuthKeys, OfAFileThatCannotBeUsedNameIt) {
  const auto of_file = [](const std::string& name) {
    return message("type = \"bearer\"\ntoken_file = \"" + name + "\"\n");
  };
  const std::string begins = "file: registry.toml:7:14: services.x.auth.token_file: ";
  EXPECT_EQ(of_file("none"), begins + (folder / "none").string() + ": No such file or directory");
  EXPECT_EQ(of_file("empty"), begins + (folder / "empty").string() + ": is empty");
  EXPECT_EQ(of_file("lines"),
            begins + (folder / "lines").string() + ": holds a control byte before its end");
}

TEST_F(AuthKeys, NeedTlsOrThisMachineUnlessTheFileSaysOtherwise) {
  const std::string bearer = "type = \"bearer\"\ntoken = \"s3cret\"\n";
  for (const char* url : {"https://h/", "http://localhost:1", "http://127.0.0.9", "http://[::1]:1",
                          "unix:/run/x.sock"})
    EXPECT_EQ(message(bearer, {}, url), "accepted") << url;
  EXPECT_EQ(message(bearer + "insecure = true\n", {}, "http://h"), "accepted");
  EXPECT_TRUE(parse_registry("schema = 1\n" + service("x", "http://localhost") +
                                 "instances = [\"http://127.0.0.1:1\", \"http://10.0.0.7:1\"]\n"
                                 "[services.x.auth]\n" +
                                 bearer,
                             "registry.toml", folder, {})
                  .error()
                  .message.ends_with(
                      "would send a secret without TLS to 10.0.0.7; use https, or set insecure = "
                      "true beside type where the network is trusted"));
  EXPECT_TRUE(message("type = \"oauth2\"\ntoken_service = \"login\"\ntoken_path = \"/t\"\n"
                      "client_id = \"c\"\nclient_secret = \"s3cret\"\n",
                      {}, "https://h/", service("login", "http://login"))
                  .starts_with("auth_insecure: registry.toml:5:1: services.x.auth: would send a "
                               "secret without TLS to http://login;"));
}

TEST_F(AuthKeys, NeedTlsWhereOthersThanBaseUrlSayWhoGetsThem) {
  const std::string bearer = "[services.x.auth]\ntype = \"bearer\"\ntoken = \"s3cret\"\n";
  const auto of = [&](const std::string& keys, const std::string& url,
                      const std::string& more = "") {
    const auto parsed = parse_registry(
        "schema = 1\n" + service("x", url) + keys + bearer + more + service("places", "https://h"),
        "registry.toml", folder, {});
    return parsed ? "accepted" : parsed.error().message;
  };
  const auto refused = [](const std::string& line, const std::string& where) {
    return "registry.toml:" + line + ":1: services.x.auth: would send a secret without TLS to " +
           where + "; use https, or set insecure = true beside type where the network is trusted";
  };
  const std::pair<std::string, std::string> kinds[] = {
      {"file", "x.instances"}, {"http", "places/v1/x"}, {"srv", "_http._tcp.x.test"}};
  for (const auto& [kind, from] : kinds) {
    const std::string keys = "discovery = \"" + kind + "\"\ninstances_from = \"" + from + "\"\n";
    EXPECT_EQ(of(keys, "http://127.0.0.1:9"),
              refused("7", "wherever discovery = \"" + kind + "\" leads"));
    EXPECT_EQ(of(keys, "https://127.0.0.1:9"), "accepted") << kind;
    EXPECT_EQ(of(keys, "http://127.0.0.1:9", "insecure = true\n"), "accepted") << kind;
  }
  EXPECT_EQ(of("proxy = \"http://proxy.test:3128\"\n", "http://127.0.0.1:9"),
            refused("6", "the proxy proxy.test"));
  EXPECT_EQ(of("proxy = \"http://127.0.0.1:3128\"\n", "http://127.0.0.1:9"), "accepted");
}

TEST_F(AuthKeys, ThatNeedATokenToGetATokenAreRefused) {
  const std::string ring = "schema = 1\n" + service("a", "https://a", "b") +
                           service("b", "https://b", "c") + service("c", "https://c", "a");
  const auto parsed = parse_registry(ring, "registry.toml", folder, {});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().reason, "auth_cycle");
  EXPECT_EQ(parsed.error().message,
            "registry.toml:5:42: services.a.auth.token_service: needs a token to get a token: a -> "
            "b -> c -> a; a token service has to do without, or with another kind of [auth] (+2 "
            "more)");
  const std::string chain = "schema = 1\n" + service("a", "https://a", "b") +
                            service("b", "https://b", "c") + service("c", "https://c");
  EXPECT_TRUE(parse_registry(chain, "registry.toml", folder, {}));
}

TEST_F(AuthKeys, OfAServiceThatIsNotRequiredLeaveItOutWhenTheirFileIsMissing) {
  const auto parsed = parse_registry(
      "schema = 1\nallow_empty = true\n[services.x]\nplugin = \"http\"\nrequired = "
      "false\nbase_url = \"https://h\"\nauth = {type = \"bearer\", token_file = "
      "\"none\"}\n",
      "registry.toml", folder, {});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->skipped.size(), 1u);
}

}  // namespace
}  // namespace callerapi::registry
