// discovery = "srv", with a real name server on loopback.
#include "discovery_fixture.hpp"
#include "support/dns_server.hpp"

namespace callerapi::caller {
namespace {

using support::ScriptedServer;

support::Script fine(const support::SeenRequest&) { return {.bytes = support::ok("fine")}; }

std::uint16_t port(const ScriptedServer& server) {
  return static_cast<std::uint16_t>(server.port());
}

class SrvDiscovery : public DiscoveryTest {
 protected:
  void open_srv(const std::string& more = "") {
    open("base_url = \"http://svc.test:9\"\ndiscovery = \"srv\"\n" + more,
         {.hosts = "/nothing", .resolv_conf = "/nothing", .servers = dns_.address()});
  }
  void answer(support::DnsScript script) {
    base::Lock lock(mutex_);
    script_ = std::move(script);
  }
  std::size_t asked(const std::string& name) const {
    std::size_t count = 0;
    for (const auto& one : dns_.questions()) count += one.srv && one.name == name ? 1 : 0;
    return count;
  }
  static std::string at(const std::string& name, const ScriptedServer& server) {
    return name + ":" + std::to_string(server.port()) + " ";
  }

  support::DnsScript script_;  // of SRV; guarded by mutex_
  support::DnsServer dns_{[this](const support::DnsQuestion& question) {
    if (!question.srv) return support::DnsScript{.addresses = {"127.0.0.1"}, .alias = {}};
    base::Lock lock(mutex_);
    return script_;
  }};
  ScriptedServer first_{fine}, second_{fine};
};

TEST_F(SrvDiscovery, TheRecordsSayWhereTheFirstPriorityFirst) {
  answer({.addresses = {},
          .ttl = 1,
          .alias = {},
          .services = {{20, 0, port(second_), "b.test"}, {10, 5, port(first_), "a.test"}}});
  open_srv("retry.max_attempts = 1\n");
  EXPECT_EQ(names(), "svc.test:9 ") << "until the first answer";
  ASSERT_TRUE(becomes("a.test:" + std::to_string(first_.port()) + " x5 " + at("b.test", second_)))
      << names() << logged();
  EXPECT_GT(asked("_http._tcp.svc.test"), 0u);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(get());
  EXPECT_EQ(first_.connections(), 1);
  EXPECT_EQ(second_.connections(), 0) << "the first priority has one";

  answer({.addresses = {},
          .ttl = 1,
          .alias = {},
          .services = {{10, 5, port(second_), "b.test"}, {20, 5, port(first_), "a.test"}}});
  ASSERT_TRUE(becomes("b.test:" + std::to_string(second_.port()) +
                      " x5 a.test:" + std::to_string(first_.port()) + " x5 "));
  ASSERT_TRUE(get());
  EXPECT_EQ(second_.connections(), 1);
}

TEST_F(SrvDiscovery, WhereNobodyListensTheNextPriorityTakesOver) {
  std::uint16_t gone = 0;
  {
    ScriptedServer closed(fine);
    gone = port(closed);
  }
  answer({.addresses = {},
          .ttl = 1,
          .alias = {},
          .services = {{10, 0, gone, "a.test"}, {20, 0, port(second_), "b.test"}}});
  open_srv("retry.max_attempts = 1\n");
  ASSERT_TRUE(becomes("a.test:" + std::to_string(gone) + " " + at("b.test", second_)));
  for (int i = 0; i < 10; ++i) {
    const auto result = get();
    ASSERT_TRUE(result) << result.error().message;
  }
}

TEST_F(SrvDiscovery, FailuresAndAnEmptyAnswerKeepTheSet) {
  const support::DnsScript good{
      .addresses = {}, .ttl = 1, .alias = {}, .services = {{1, 0, port(first_), "a.test"}}};
  answer(good);
  open_srv();
  ASSERT_TRUE(becomes(at("a.test", first_)));
  const auto fails_with = [&](support::DnsScript script, const std::string& why) {
    answer(std::move(script));
    EXPECT_TRUE(soon([&] {
      pass(std::chrono::seconds(1));
      return failing().find("_http._tcp.svc.test: SRV lookup: " + why) == 0;
    })) << failing();
    EXPECT_EQ(names(), at("a.test", first_));
    EXPECT_TRUE(get());
  };
  fails_with({.code = 2, .addresses = {}, .alias = {}}, "the name server failed");
  fails_with({.code = 3, .addresses = {}, .alias = {}}, "the name does not exist");
  fails_with({.addresses = {}, .alias = {}}, "the name has no SRV record");
  fails_with({.addresses = {}, .alias = {}, .services = {{0, 0, 0, ""}}},
             "its SRV record says that the service is nowhere");
  fails_with({.addresses = {}, .alias = {}, .services = {{1, 0, 0, "b.test"}}},
             "an SRV record leads to \"b.test\" port 0");
  answer(good);
  EXPECT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return failing().empty();
  }));
}

TEST_F(SrvDiscovery, TheNameMayBeAnotherAndTheAnswerComeByTcp) {
  answer({.addresses = {},
          .ttl = 1,
          .alias = {},
          .truncated = true,
          .services = {{1, 0, port(first_), "a.test"}}});
  open_srv("instances_from = \"_API._tcp.other.test\"\n");
  ASSERT_TRUE(becomes(at("a.test", first_))) << failing();
  EXPECT_GT(asked("_api._tcp.other.test"), 0u);
  EXPECT_EQ(asked("_http._tcp.svc.test"), 0u);
}

TEST_F(SrvDiscovery, AServiceThatIsRetiredWhileItIsAskedForIsForgotten) {
  answer({.addresses = {}, .alias = {}, .silent = true});
  open_srv();
  ASSERT_TRUE(soon([&] { return asked("_http._tcp.svc.test") > 0; }));
  write("registry.toml", "schema = 1\nallow_empty = true\n");
  const auto gone = std::weak_ptr(host_->snapshot()->services.at("svc")->discovery);
  ASSERT_TRUE(host_->reload());
  EXPECT_TRUE(soon([&] {
    host_->snapshot();  // this thread's copy of the old one goes
    pass(std::chrono::seconds(1));
    return gone.expired();
  }));
}

}  // namespace
}  // namespace callerapi::caller
