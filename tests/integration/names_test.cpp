#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "caller/host.hpp"
#include "callerapi/caller.hpp"
#include "support/black_hole.hpp"
#include "support/dns_server.hpp"
#include "support/parts.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

/// A registry file that can be rewritten, beside a server that answers with its Host field.
class NamedServices : public ::testing::Test {
 protected:
  NamedServices() {
    std::string pattern = (fs::temp_directory_path() / "callerapi-named-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~NamedServices() override { fs::remove_all(folder_); }

  static Script answer(const SeenRequest& request) {
    const auto begin = request.head.find("\r\nHost: ") + 8;
    return {.bytes =
                support::ok(request.head.substr(begin, request.head.find("\r\n", begin) - begin))};
  }
  std::string port() const { return std::to_string(server_.port()); }
  /// One service, `svc`, with `more` of its own, behind `[caller]` lines.
  void write(const std::string& base_url, const std::string& caller = "",
             const std::string& more = "") const {
    std::ofstream(folder_ / "new")
        << "schema = 1\n"
        << caller << "[services.svc]\nplugin = \"static:echo\"\nbase_url = \"" << base_url << "\"\n"
        << more;
    fs::rename(folder_ / "new", folder_ / "registry.toml");
  }
  Caller open(std::map<std::string, std::string> environment = {}) const {
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment = std::move(environment);
    options.watch = false;
    return Caller::open((folder_ / "registry.toml").string(), std::move(options)).value();
  }
  static Result<Response> get(Caller& caller) {
    return caller.call("svc", "get", Request{}.path("id", "1").max_attempts(1));
  }

  ScriptedServer server_{answer};
  fs::path folder_;
};

TEST_F(NamedServices, CallerHostsSaysWhereANameIs) {
  write("http://svc.test:" + port(), "[caller.hosts]\n\"svc.test\" = [\"127.0.0.1\"]\n");
  Caller caller = open();

  auto response = get(caller);

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "svc.test:" + port()) << "the name stays in the Host field";
}

TEST_F(NamedServices, AReloadThatMovesAHostReachesNewConnections) {
  write("http://svc.test:" + port(), "[caller.hosts]\n\"svc.test\" = \"127.0.0.2\"\n");
  Caller caller = open();
  EXPECT_EQ(get(caller).error().outcome, Outcome::connect_error);
  write("http://svc.test:" + port(), "[caller.hosts]\n\"svc.test\" = \"127.0.0.1\"\n");
  ASSERT_TRUE(caller.reload());

  auto response = get(caller);

  ASSERT_TRUE(response) << response.error().message;
}

TEST_F(NamedServices, ARefusedReloadLeavesTheNamesAlone) {
  write("http://svc.test:" + port(), "[caller.hosts]\n\"svc.test\" = \"127.0.0.1\"\n");
  Caller caller = open();
  write("http://svc.test:" + port(), "[caller.hosts]\n\"svc.test\" = \"127.0.0.2\"\n",
        "[services.bad]\nplugin = \"static:none\"\nbase_url = \"http://h\"\n");
  ASSERT_FALSE(caller.reload());

  EXPECT_TRUE(get(caller));
}

TEST_F(NamedServices, ABlackHoleInFrontCostsAQuarterOfASecond) {
  support::BlackHole hole("127.0.0.2", server_.port());
  write("http://svc.test:" + port(),
        "[caller.hosts]\n\"svc.test\" = [\"127.0.0.2\", \"127.0.0.1\"]\n",
        "timeouts.connect = \"20s\"\ntimeouts.attempt = \"20s\"\n");
  Caller caller = open();

  auto response = get(caller);

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_LT(response->elapsed, std::chrono::seconds(10));
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(NamedServices, LocalhostNeedsNoServerWhicheverFamilyListens) {
  write("http://localhost:" + port());
  Caller caller = open();

  EXPECT_TRUE(get(caller));
}

TEST_F(NamedServices, TheSystemResolverReachesLocalhostToo) {
  write("http://localhost:" + port(), "[caller]\nresolver = \"system\"\n");
  Caller caller = open();

  EXPECT_TRUE(get(caller));
}

TEST_F(NamedServices, ANameThatLeadsToALinkLocalAddressIsNotFollowed) {
  const std::string hosts = "[caller.hosts]\n\"svc.test\" = \"169.254.169.254\"\n";
  write("http://svc.test:" + port(), hosts);
  Caller caller = open();

  EXPECT_EQ(get(caller).error().reason, "denied_address");
}

TEST_F(NamedServices, AChangedListOfAddressesEndsTheConnectionsMadeUnderTheOldOne) {
  write(server_.url());
  Caller caller = open();
  ASSERT_TRUE(get(caller));
  write(server_.url(), "[defaults]\nallow_addresses = [\"10.0.0.0/8\"]\n");
  ASSERT_TRUE(caller.reload());
  EXPECT_EQ(get(caller).error().reason, "denied_address");
  write(server_.url(), "[defaults]\nallow_addresses = [\"10.0.0.0/8\"]\n",
        "allow_addresses = \"127.0.0.0/8\"\n");
  ASSERT_TRUE(caller.reload());

  EXPECT_TRUE(get(caller)) << "a service's own list replaces that of [defaults]";
}

TEST_F(NamedServices, AUnixSocketIsCalledLikeAnyOther) {
  const std::string path = (folder_ / "svc.sock").string();
  ScriptedServer local([](const SeenRequest& r) { return Script{.bytes = support::ok(r.target)}; },
                       path);
  write("unix:" + path + ":/v1");
  Caller caller = open();

  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(caller)->body, "/v1/echo/1");

  EXPECT_NE(local.requests().at(0).head.find("\r\nHost: localhost\r\n"), std::string::npos);
  EXPECT_EQ(local.connections(), 1);
}

TEST_F(NamedServices, AMissingUnixSocketIsNamedInTheError) {
  const std::string path = (folder_ / "none.sock").string();
  write("unix:" + path);
  Caller caller = open();

  const auto failed = get(caller);

  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().outcome, Outcome::connect_error);
  EXPECT_EQ(failed.error().reason, "no_socket");
  EXPECT_TRUE(failed.error().message.ends_with(": unix:" + path + ": there is no such socket"))
      << failed.error().message;
}

TEST_F(NamedServices, AProxyIsGivenTheWholeUrlAndItsOwnCredentials) {
  write("http://svc.test:8080/v1", "", "proxy = \"http://user:pass@127.0.0.1:" + port() + "\"\n");
  Caller caller = open();

  auto response = get(caller);

  ASSERT_TRUE(response) << response.error().message;
  const SeenRequest seen = server_.requests().at(0);
  EXPECT_EQ(seen.target, "http://svc.test:8080/v1/echo/1");
  EXPECT_EQ(response->body, "svc.test:8080");
  EXPECT_NE(seen.head.find("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n"), std::string::npos);
}

TEST_F(NamedServices, AChangedProxyGetsConnectionsOfItsOwn) {
  ScriptedServer other(answer);
  const std::string there = "127.0.0.1:" + std::to_string(other.port()) + "\"\n";
  write("http://svc.test", "", "proxy = \"http://127.0.0.1:" + port() + "\"\n");
  Caller caller = open();
  ASSERT_TRUE(get(caller));
  for (const std::string user : {"", "new:new@"}) {
    write("http://svc.test", "", "proxy = \"http://" + user + there);
    ASSERT_TRUE(caller.reload());
    ASSERT_TRUE(get(caller));
  }

  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(other.connections(), 2);
}

TEST_F(NamedServices, TheEnvironmentsProxyIsUsedOnlyWhenAskedForAndInLowerCase) {
  using Variables = std::map<std::string, std::string>;
  const std::string proxy = "http://127.0.0.1:" + port();
  const std::string hosts = "[caller.hosts]\n\"svc.test\" = \"127.0.0.1\"\n";
  const std::string env = hosts + "[defaults]\nproxy = \"env\"\n";
  const auto target = [&](const std::string& caller_lines, Variables with) {
    write("http://svc.test:" + port(), caller_lines);
    Caller caller = open(std::move(with));
    const auto response = get(caller);
    return response ? server_.requests().back().target : response.error().message;
  };

  EXPECT_EQ(target(hosts, {{"http_proxy", proxy}}), "/echo/1") << "unset: none";
  EXPECT_EQ(target(env, {{"http_proxy", proxy}}), "http://svc.test:" + port() + "/echo/1");
  EXPECT_EQ(target(env, {{"HTTP_PROXY", proxy}}), "/echo/1") << "httpoxy";
  EXPECT_EQ(target(env, {{"http_proxy", proxy}, {"no_proxy", "other,.test"}}), "/echo/1");
}

TEST(Names, ALookUpThatNobodyAnswersIsNotTakenForAFullPool) {
  support::DnsServer mute([](const support::DnsQuestion&) {
    return support::DnsScript{.addresses = {}, .alias = {}, .silent = true};
  });
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  const auto host =
      caller::Host::open({{},
                          "schema = 1\n[services.svc]\nplugin = \"static:echo\"\nbase_url = "
                          "\"http://svc.test\"\nretry.max_attempts = 1\ntimeouts = { attempt = "
                          "\"100ms\", connect = \"100ms\", dns = \"20s\" }\n"},
                         std::move(options), nullptr,
                         {.hosts = "/nothing", .servers = mute.address()})
          .value();
  const auto failed = host->run(support::parts_of(*host, "svc", "get", Request{}.path("id", "1")));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().outcome, Outcome::dns_error) << failed.error().message;
  EXPECT_EQ(failed.error().phase, Phase::dns);
  EXPECT_TRUE(failed.error().message.ends_with("or lower timeouts.dns")) << failed.error().message;
}

TEST_F(NamedServices, AProxyThatIsDownIsNamedWithoutItsPassword) {
  write("http://svc.test", "", "proxy = \"http://user:secret@127.0.0.1:1\"\n");
  Caller caller = open();

  const auto failed = get(caller);

  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().message.ends_with(": proxy 127.0.0.1:1: connection refused"))
      << failed.error().message;
}

}  // namespace
}  // namespace callerapi
