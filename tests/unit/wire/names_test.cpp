#include "wire/names.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "base/limits.hpp"
#include "support/dns_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::wire {
namespace {

using namespace std::chrono_literals;
using support::DnsQuestion;
using support::DnsScript;
using support::DnsServer;
using Hosts = std::vector<std::string>;

/// A reactor with a clock that stands still, its own hosts file and resolv.conf, and a name server
/// that does what `script_` says.
class NamesTest : public testing::Test {
 protected:
  NamesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "callerapi-names-XXXXXX");
    folder_ = ::mkdtemp(pattern.data());
    write("hosts", "192.0.2.9 Listed.Test listed # comment\n");
    write("resolv.conf", "nameserver 127.0.0.1\n");
  }
  ~NamesTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    std::filesystem::rename(folder_ / "new", folder_ / file);
  }
  void script(DnsScript next) {
    std::lock_guard lock(mutex_);
    script_ = std::move(next);
  }
  NameFiles files() const {
    return {(folder_ / "hosts").string(), (folder_ / "resolv.conf").string(), server_.address()};
  }
  Reactor& reactor() {
    if (!reactor_) reactor_ = Reactor::start(clock_, files()).value();
    return *reactor_;
  }
  std::future<Result<std::vector<Address>>> begin(const std::string& name) {
    auto found = std::make_shared<std::promise<Result<std::vector<Address>>>>();
    reactor().post([at = &reactor(), name, found] {
      at->resolve(name, 80, [found](auto result) { found->set_value(std::move(result)); });
    });
    return found->get_future();
  }
  /// The hosts of the addresses, or the reason why there are none.
  Hosts resolve(const std::string& name) {
    auto found = begin(name).get();
    if (!found) return {found.error().reason};
    Hosts hosts;
    for (const Address& address : *found) hosts.push_back(address.host);
    return hosts;
  }
  std::string message(const std::string& name) {
    auto found = begin(name).get();
    return found ? "found" : found.error().message;
  }
  /// Lets time pass as the loop sees it.
  void pass(Duration time) {
    clock_.advance(time);
    std::promise<void> seen;
    reactor().post([&] { seen.set_value(); });
    seen.get_future().get();
  }

  std::filesystem::path folder_;
  base::ManualClock clock_;
  base::SystemClock real_clock_;
  std::mutex mutex_;
  DnsScript script_{.addresses = {"192.0.2.1", "2001:db8::1"}};
  DnsServer server_{[this](const DnsQuestion&) {
    std::lock_guard lock(mutex_);
    return script_;
  }};
  std::unique_ptr<Reactor> reactor_;
};

TEST_F(NamesTest, AAndAaaaAreAskedTogetherAndIpv6ComesFirst) {
  EXPECT_EQ(resolve("svc.test"), (Hosts{"2001:db8::1", "192.0.2.1"}));

  EXPECT_EQ(server_.questions().size(), 2u);
}

TEST_F(NamesTest, OneFamilyIsEnough) {
  script({.addresses = {"192.0.2.1"}});
  EXPECT_EQ(resolve("four.test"), Hosts{"192.0.2.1"});
  script({.addresses = {"2001:db8::1"}});
  EXPECT_EQ(resolve("six.test"), Hosts{"2001:db8::1"});
}

TEST_F(NamesTest, AnAliasIsFollowed) {
  script({.addresses = {"192.0.2.1"}, .alias = "real.test"});
  EXPECT_EQ(resolve("alias.test"), Hosts{"192.0.2.1"});
}

TEST_F(NamesTest, AnAnswerIsAskedForAgainAfterItsTtl) {
  script({.addresses = {"192.0.2.1"}, .ttl = 5});
  resolve("svc.test");
  script({.addresses = {"192.0.2.2"}, .ttl = 5});
  pass(4s);
  EXPECT_EQ(resolve("SVC.test"), Hosts{"192.0.2.1"});
  pass(1s);
  EXPECT_EQ(resolve("svc.test"), Hosts{"192.0.2.2"});

  EXPECT_EQ(server_.questions().size(), 4u);
}

TEST_F(NamesTest, EachFailureHasItsReasonAndItsText) {
  const std::string of = " of " + (folder_ / "resolv.conf").string();
  script({.code = 3});
  EXPECT_EQ(message("gone.test"), "gone.test: name lookup: the name does not exist");
  EXPECT_EQ(resolve("gone.test"), Hosts{"not_found"});
  script({});
  EXPECT_EQ(message("empty.test"), "empty.test: name lookup: the name has no address");
  EXPECT_EQ(resolve("empty.test"), Hosts{"no_address"});
  script({.code = 2});
  EXPECT_EQ(message("broken.test"),
            "broken.test: name lookup: the name server failed; asked 127.0.0.1" + of);
  EXPECT_EQ(resolve("broken.test"), Hosts{"temporary"});
  script({.code = 5});
  EXPECT_EQ(
      message("refused.test"),
      "refused.test: name lookup: the name server refused the question; asked 127.0.0.1" + of);
  EXPECT_EQ(resolve("refused.test"), Hosts{"refused"});
  EXPECT_EQ(resolve(std::string(64, 'x') + ".test"), Hosts{"not_found"});
}

TEST_F(NamesTest, AMissingNameIsAskedForOncePerSecond) {
  script({.code = 3});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(resolve("gone.test"), Hosts{"not_found"});
  EXPECT_EQ(server_.questions().size(), 2u);
  pass(1s);
  resolve("gone.test");
  EXPECT_EQ(server_.questions().size(), 4u);
}

TEST_F(NamesTest, AnOldAnswerServesWhileTheServerFails) {
  resolve("svc.test");
  script({.code = 2});
  pass(30s);
  EXPECT_EQ(resolve("svc.test"), (Hosts{"2001:db8::1", "192.0.2.1"}));
  pass(5min);
  EXPECT_EQ(resolve("svc.test"), Hosts{"temporary"});

  const NameCounters& counted = reactor().name_counters();
  EXPECT_EQ(base::sum(counted.found).count(), 1u);
  EXPECT_EQ(base::sum(counted.failed).count(), 2u);
  EXPECT_EQ(counted.stale.load(), 1u) << "the last one had nothing old to fall back on";
}

TEST_F(NamesTest, AnOldAnswerServesOnceWhenTheNameIsDeniedAndNotTwice) {
  resolve("svc.test");
  script({.code = 3});
  pass(30s);
  EXPECT_EQ(resolve("svc.test").size(), 2u);
  pass(1s);
  EXPECT_EQ(resolve("svc.test"), Hosts{"not_found"});
}

TEST_F(NamesTest, AnOldAnswerIsNotHeldBackByASilentServer) {
  resolve("svc.test");
  script({.silent = true});
  pass(30s);
  auto waiting = begin("svc.test");
  while (server_.questions().size() < 4) std::this_thread::yield();
  pass(stale_patience + 1ms);

  EXPECT_EQ(waiting.get()->size(), 2u);
  EXPECT_EQ(reactor().name_counters().stale.load(), 1u);
}

TEST_F(NamesTest, AFamilyThatIsNeverAnsweredCostsFiftyMilliseconds) {
  DnsServer half([](const DnsQuestion& question) {
    return DnsScript{.addresses = {"192.0.2.1"}, .silent = question.v6};
  });
  NameFiles own = files();
  own.servers = half.address();
  reactor_ = Reactor::start(real_clock_, own).value();

  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(resolve("svc.test"), Hosts{"192.0.2.1"});
  EXPECT_LT(std::chrono::steady_clock::now() - began, 500ms);
}

TEST_F(NamesTest, ASilentServerIsAskedAgainAndThenGivenUp) {
  script({.silent = true});
  reactor_ = Reactor::start(real_clock_, files()).value();

  EXPECT_EQ(resolve("svc.test"), Hosts{"timeout"});
  EXPECT_EQ(server_.questions().size(), 6u);
}

TEST_F(NamesTest, ManyWhoAskAtOnceAskOnce) {
  std::vector<std::future<Result<std::vector<Address>>>> all;
  for (int i = 0; i < 100; ++i) all.push_back(begin("svc.test"));
  for (auto& one : all) EXPECT_EQ(one.get()->size(), 2u);

  EXPECT_EQ(server_.questions().size(), 2u);
}

TEST_F(NamesTest, ATruncatedAnswerIsAskedForByTcp) {
  script({.addresses = {"192.0.2.1", "2001:db8::1"}, .truncated = true});
  EXPECT_EQ(resolve("big.test").size(), 2u);

  int tcp = 0;
  for (const DnsQuestion& question : server_.questions()) tcp += question.tcp ? 1 : 0;
  EXPECT_EQ(tcp, 2);
}

TEST_F(NamesTest, ABrokenFirstServerIsPassedOver) {
  DnsServer broken([](const DnsQuestion&) { return DnsScript{.code = 2}; });
  NameFiles own = files();
  own.servers = broken.address() + "," + server_.address();
  reactor_ = Reactor::start(clock_, own).value();

  EXPECT_EQ(resolve("svc.test"), (Hosts{"2001:db8::1", "192.0.2.1"}));

  script({.code = 2});
  EXPECT_EQ(resolve("other.test"), Hosts{"temporary"}) << "the reason survives the second server";
}

TEST_F(NamesTest, ConnectionsOfOneAnswerAreSpread) {
  script({.addresses = {"192.0.2.1", "192.0.2.2"}});
  std::set<std::string> first;
  for (int i = 0; i < 100; ++i) first.insert(resolve("svc.test").front());

  EXPECT_EQ(first.size(), 2u);
}

TEST_F(NamesTest, ANameWithManyAddressesIsCut) {
  DnsScript many;
  for (int i = 1; i <= 24; ++i) many.addresses.push_back("192.0.2." + std::to_string(i));
  script(many);

  EXPECT_EQ(resolve("svc.test").size(), base::limits::name_addresses_max);
}

TEST_F(NamesTest, TheHostsFileComesBeforeTheServerAndIsReadAgainWhenItChanges) {
  EXPECT_EQ(resolve("LISTED.test"), Hosts{"192.0.2.9"});
  write("hosts", "192.0.2.10 listed.test\n");
  pass(1s);
  EXPECT_EQ(resolve("listed.test"), Hosts{"192.0.2.10"});

  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(NamesTest, LocalhostAndNumbersNeedNobody) {
  EXPECT_EQ(resolve("localhost"), (Hosts{"::1", "127.0.0.1"}));
  EXPECT_EQ(resolve("a.localhost"), (Hosts{"::1", "127.0.0.1"}));
  EXPECT_EQ(resolve("192.0.2.7"), Hosts{"192.0.2.7"});
  EXPECT_EQ(resolve("2001:db8::7"), Hosts{"2001:db8::7"});

  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(NamesTest, WithoutResolvConfTheHostsFileStillWorksAndTheRestSaysWhy) {
  NameFiles own = files();
  own.servers = "127.0.0.1:1";  // nobody listens there
  own.resolv_conf = (folder_ / "missing").string();
  reactor_ = Reactor::start(real_clock_, own).value();

  EXPECT_EQ(resolve("listed.test"), Hosts{"192.0.2.9"});
  EXPECT_EQ(resolve("svc.test"), Hosts{"refused"});
  EXPECT_EQ(message("svc.test"),
            "svc.test: name lookup: no name server can be reached; asked 127.0.0.1, because " +
                own.resolv_conf + " is missing or empty");
}

TEST_F(NamesTest, SearchDomainsAreTriedAsResolvConfSays) {
  write("resolv.conf", "search ns.cluster.test cluster.test\noptions ndots:2\n");
  DnsServer cluster([](const DnsQuestion& question) {
    return question.name == "db.cluster.test" ? DnsScript{.addresses = {"192.0.2.5"}}
                                              : DnsScript{.code = 3};
  });
  NameFiles own = files();
  own.servers = cluster.address();
  reactor_ = Reactor::start(clock_, own).value();

  EXPECT_EQ(resolve("db"), Hosts{"192.0.2.5"});
  EXPECT_EQ(cluster.questions().front().name, "db.ns.cluster.test");
  EXPECT_EQ(resolve("db."), Hosts{"not_found"}) << "a name that ends in a dot is whole";
}

TEST(FullNames, FollowSearchAndNdots) {
  EXPECT_EQ(full_names("a", {"x", "y"}, 1), (Hosts{"a.x", "a.y", "a"}));
  EXPECT_EQ(full_names("a.b", {"x"}, 1), (Hosts{"a.b", "a.b.x"}));
  EXPECT_EQ(full_names("a.b", {"x"}, 5), (Hosts{"a.b.x", "a.b"}));
  EXPECT_EQ(full_names("a.b.", {"x"}, 5), (Hosts{"a.b."}));
  EXPECT_EQ(full_names("a", {}, 1), (Hosts{"a"}));
}

TEST_F(NamesTest, AChangedResolvConfIsFollowed) {
  write("resolv.conf", "search one.test\n");
  resolve("db");
  write("resolv.conf", "search two.test\n");
  pass(30s);
  resolve("other");

  EXPECT_EQ(server_.questions().front().name, "db.one.test");
  EXPECT_EQ(server_.questions().back().name, "other.two.test");
}

TEST_F(NamesTest, WhatTheRegistrySaysBeatsEverything) {
  resolve("svc.test");
  NameSettings settings;
  settings.hosts = {{"svc.test", {"127.0.0.7", "::1"}}, {"listed.test", {"127.0.0.8"}}};
  reactor().set_names(settings);

  EXPECT_EQ(resolve("Svc.Test."), (Hosts{"127.0.0.7", "::1"}));
  EXPECT_EQ(resolve("listed.test"), Hosts{"127.0.0.8"});
  reactor().set_names({});
  EXPECT_EQ(resolve("svc.test").size(), 2u);
}

TEST_F(NamesTest, TheSystemResolverIsThereWhenItIsWanted) {
  NameSettings settings;
  settings.system = true;
  reactor().set_names(settings);

  EXPECT_FALSE(resolve("localhost").empty());
  EXPECT_NE(resolve("localhost"), Hosts{"not_found"});
  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(NamesTest, AReactorEndsWithQuestionsOpen) {
  script({.silent = true});
  auto lost = begin("svc.test");
  while (server_.questions().size() < 2) std::this_thread::yield();
  reactor_.reset();

  EXPECT_THROW(lost.get(), std::future_error);
}

}  // namespace
}  // namespace callerapi::wire
