// A service that runs at several places. The clock is the test's where time matters.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "caller/host.hpp"
#include "support/dns_server.hpp"
#include "support/parts.hpp"
#include "support/raw_server.hpp"
#include "support/real_server.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::caller {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

template <class F>
bool soon(F&& f) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!f() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return f();
}

/// A Host over one service, "svc", whose clock stands still until it is told to move.
class Places : public ::testing::Test {
 protected:
  void open(const std::string& service, wire::NameFiles names = {}) {
    write(service);
    Options options;
    options.static_plugins = {support::echo_plugin()};
    options.environment = environment_;
    options.watch = false;
    options.log = [this](const LogRecord& record) {
      base::Lock lock(mutex_);
      logged_ += std::string(record.message) + "\n";
    };
    host_ = Host::open({folder_.path() + "/registry.toml", {}}, std::move(options), host_clock_,
                       std::move(names))
                .value();
  }
  void write(const std::string& service) const {
    std::ofstream(folder_.path() + "/registry.toml")
        << "schema = 1\n[services.svc]\nplugin = \"static:echo\"\n" + service;
  }
  void reload(const std::string& service) {
    write(service);
    ASSERT_TRUE(host_->reload());
  }
  static std::string list(std::initializer_list<std::string> urls) {
    std::string text = "base_url = \"http://svc.test/v1\"\nbreaker.mode = \"off\"\ninstances = [";
    for (const std::string& url : urls) text += "\"" + url + "\", ";
    return text + "]\n";
  }
  Host::Parts parts(int attempts) {
    return support::parts_of(*host_, "svc", "get",
                             Request{}.path("id", "1").max_attempts(attempts));
  }
  Result<Response> get(int attempts = 2) { return host_->run(parts(attempts)); }
  /// So many GETs; how many came to nothing or to a status of 400 or more.
  int failed_of(int calls, int attempts = 2) {
    int failed = 0;
    for (int i = 0; i < calls; ++i) {
      const auto response = get(attempts);
      if (!response || response->status >= 400) ++failed;
    }
    return failed;
  }
  /// Two whole rounds of the loop: what was due in the first has been done.
  void rounds() {
    for (int i = 0; i < 2; ++i) {
      std::atomic<bool> ran{false};
      host_->loop().post([&] { ran = true; });
      while (!ran) std::this_thread::yield();
    }
  }
  void pass(std::chrono::seconds time) {
    for (; time > 0s; time -= 1s) {
      clock_->advance(1s);
      rounds();
    }
  }
  std::string names() const {
    std::string text;
    for (const auto& one : host_->snapshot()->services.at("svc")->instances->all())
      text += one->name + " ";
    return text;
  }
  std::string logged() {
    base::Lock lock(mutex_);
    return logged_;
  }

  base::Mutex mutex_;
  std::string logged_;
  support::TempFolder folder_;
  std::map<std::string, std::string> environment_;
  std::shared_ptr<base::ManualClock> clock_ = std::make_shared<base::ManualClock>();
  std::shared_ptr<const base::Clock> host_clock_ = clock_;
  std::shared_ptr<Host> host_;
};

Script fine(const SeenRequest&) { return {.bytes = support::ok("fine")}; }

/// A server that can be told how to answer.
struct Moody {
  std::atomic<int> status{200}, asked{0};
  std::string fields;
  ScriptedServer server{[this](const SeenRequest&) {
    ++asked;
    return Script{.bytes = support::status(status, "", fields)};
  }};
};

TEST_F(Places, CallsAreSpreadAndStillNameTheService) {
  ScriptedServer a(fine), b(fine);
  open(list({a.url(), b.url()}));
  EXPECT_EQ(failed_of(100), 0);
  EXPECT_GE(a.requests().size(), 25u);
  EXPECT_GE(b.requests().size(), 25u);
  EXPECT_EQ(a.requests().front().target, "/v1/echo/1");
  EXPECT_NE(a.requests().front().head.find("Host: svc.test\r\n"), std::string::npos);
}

TEST_F(Places, AVariableSaysWhereTheServiceRuns) {
  ScriptedServer a(fine), b(fine);
  environment_ = {{"CALLERAPI_SERVICES__SVC__INSTANCES", a.url() + "," + b.url()}};
  open("base_url = \"http://svc.test\"\n");
  EXPECT_EQ(failed_of(20), 0);
  EXPECT_EQ(a.requests().size() + b.requests().size(), 20u);
}

TEST_F(Places, ADeadInstanceCostsNoCall) {
  ScriptedServer a(fine);
  const std::string dead = "http://127.0.0.1:" + std::to_string(support::free_port());
  host_clock_ = std::make_shared<base::SystemClock>();  // a blocking call sleeps in real time
  open(list({dead, a.url()}));
  EXPECT_EQ(failed_of(200), 0);
  EXPECT_LE(host_->stats().retries, 5u) << "after that it is left alone";
}

TEST_F(Places, ACallGoesOnToAnotherInstanceWhereNobodyIsThere) {
  ScriptedServer a(fine);
  const auto dead = [] { return "http://127.0.0.1:" + std::to_string(support::free_port()); };
  open(list({dead(), dead(), a.url()}) +
       "balance.policy = \"first\"\nejection.mode = \"off\"\nretry.budget_min_per_second = 100\n");
  // The clock stands still: a retry that waits would never come.
  EXPECT_EQ(failed_of(10, 1), 0);
  EXPECT_EQ(a.requests().size(), 10u);
}

TEST_F(Places, ARetryGoesToAnotherInstance) {
  Moody bad, good;
  bad.status = 503;
  host_clock_ = std::make_shared<base::SystemClock>();  // a blocking call sleeps in real time
  open(list({bad.server.url(), good.server.url()}) +
       "balance.policy = \"first\"\nejection.mode = \"off\"\nretry.base = \"1ms\"\n"
       "retry.budget_min_per_second = 100\n");
  EXPECT_EQ(failed_of(10), 0);
  EXPECT_EQ(bad.asked, 10);
  EXPECT_EQ(good.asked, 10);
}

TEST_F(Places, AnInstanceThatAsksForItIsLeftAlone) {
  Moody busy, idle;
  busy.status = 429;
  busy.fields = "Retry-After: 20\r\n";
  open(list({busy.server.url(), idle.server.url()}));
  failed_of(50, 1);
  EXPECT_EQ(busy.asked, 1);
  pass(19s);
  failed_of(50, 1);
  EXPECT_EQ(busy.asked, 1);
  pass(1s);
  busy.status = 200;
  EXPECT_EQ(failed_of(50, 1), 0);
  EXPECT_GT(busy.asked, 1);
}

TEST_F(Places, ThePolicyComesFromTheRegistry) {
  Moody a, b;
  const std::string both = list({a.server.url(), b.server.url()});
  open(both + "balance.policy = \"first\"\n");
  EXPECT_EQ(failed_of(20, 1), 0);
  EXPECT_EQ(a.asked, 20);
  a.status = 503;
  EXPECT_EQ(failed_of(30, 1), 5);
  EXPECT_EQ(b.asked, 25) << "the next, while the first is ejected";

  reload(both + "balance.policy = \"round_robin\"\nejection.mode = \"off\"\n");
  EXPECT_EQ(failed_of(20, 1), 10) << "in turn, and nobody is left out";
}

TEST_F(Places, AReloadKeepsWhatIsKnownOfAnInstanceAndItsConnections) {
  Moody bad, good;
  const std::string both = list({bad.server.url(), good.server.url()});
  open(both);
  EXPECT_EQ(failed_of(20, 1), 0);
  bad.status = 503;
  failed_of(100, 1);
  const int asked = bad.asked;
  reload(both + "timeouts.total = \"29s\"\n");
  EXPECT_EQ(failed_of(50, 1), 0);
  EXPECT_EQ(bad.asked, asked) << "still ejected";
  EXPECT_EQ(good.server.connections(), 1);

  reload("base_url = \"http://svc.test/v1\"\nbreaker.mode = \"off\"\ninstances = [\"" +
         bad.server.url() + "\", { url = \"" + good.server.url() + "\", weight = 3 }]\n");
  EXPECT_EQ(failed_of(50, 1), 0);
  EXPECT_EQ(bad.asked, asked);
  EXPECT_EQ(good.server.connections(), 1) << "another weight is no other connection";
}

TEST_F(Places, WithoutAnInstanceTheErrorSaysSo) {
  ScriptedServer a(fine);
  open(list({a.url()}));
  auto nowhere = parts(1).value();
  auto callee = std::make_shared<policy::Callee>(*nowhere->callee);
  callee->instances =
      std::make_shared<policy::InstanceSet>(std::vector<std::shared_ptr<policy::Instance>>());
  // What the request was prepared from goes on living in the snapshot.
  nowhere->callee = std::move(callee);
  const auto result = host_->run(std::move(nowhere));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::no_instance);
  EXPECT_EQ(result.error().message,
            "svc.get: no_instance in queue after 0 ms (attempt 1, sent=no): no instance of the "
            "service is known yet; look at what its discovery asks");
  EXPECT_EQ(host_->stats().calls_in_flight, 0u);
}

/// Two servers at one port of two addresses, and a name server that knows which of them are there.
class Discovered : public Places {
 protected:
  Discovered() {
    while (!second_) try_places();
    settings_ =
        "base_url = \"http://svc.test:" + std::to_string(first_->port()) +
        "\"\ndiscovery = \"dns\"\npool.connections_max = 256\ntimeouts = { total = \"10h\", "
        "attempt = \"10h\", read_idle = \"0s\" }\nretry.max_attempts = 1\n";
  }
  /// Both at the same port, which one of the addresses may have in use already.
  void try_places() {
    first_ = std::make_unique<support::RawServer>(
        [this](support::Peer& peer) { serve(peer, first_asked_); });
    try {
      second_ = std::make_unique<support::RawServer>(
          [this](support::Peer& peer) { serve(peer, second_asked_); }, 1024, "127.0.0.2",
          first_->port());
    } catch (const std::system_error&) {
    }
  }
  void open_discovered() { open(settings_, {.hosts = "/nothing", .servers = dns_.address()}); }
  void answer(support::DnsScript script) {
    base::Lock lock(mutex_);
    script_ = std::move(script);
  }
  void serve(support::Peer& peer, std::atomic<int>& asked) {
    while (!peer.read_until("\r\n\r\n").empty()) {
      ++asked;
      while (!answers_ && !peer.readable(5)) continue;
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    }
  }
  std::string at(const std::string& address) const {
    return address + ":" + std::to_string(first_->port()) + " ";
  }
  bool becomes(const std::string& wanted) {
    return soon([&] {
      pass(1s);
      return names() == wanted;
    });
  }

  std::atomic<bool> answers_{true};
  std::atomic<int> first_asked_{0}, second_asked_{0};
  std::unique_ptr<support::RawServer> first_, second_;
  support::DnsScript script_{
      .code = 0, .addresses = {"127.0.0.1", "127.0.0.2"}, .ttl = 1, .alias = {}};
  support::DnsServer dns_{[this](const support::DnsQuestion&) {
    base::Lock lock(mutex_);
    return script_;
  }};
  std::string settings_;
};

TEST_F(Discovered, EveryAddressOfTheNameIsAnInstance) {
  settings_ += "balance.policy = \"round_robin\"\n";  // p2c stays with the one that was fast
  open_discovered();
  ASSERT_TRUE(becomes(at("127.0.0.1") + at("127.0.0.2"))) << names();
  EXPECT_EQ(failed_of(40, 1), 0);
  EXPECT_GT(first_asked_, 5);
  EXPECT_GT(second_asked_, 5);
}

class S19 : public Discovered {};

TEST_F(S19, N12_ALoneInstanceIsAskedHoweverOftenItFails) {
  Moody only;
  only.status = 503;
  open(list({only.server.url()}));
  EXPECT_EQ(failed_of(50, 1), 50);
  EXPECT_EQ(only.asked, 50);
  only.status = 200;
  EXPECT_EQ(failed_of(10, 1), 0);
}

TEST_F(S19, N12_OfTwoThatFailOneStaysInUse) {
  Moody a, b;
  a.status = b.status = 503;
  open(list({a.server.url(), b.server.url()}));
  EXPECT_EQ(failed_of(100, 1), 100);
  EXPECT_EQ(a.asked + b.asked, 100) << "every call reaches one of them";
  EXPECT_EQ(std::min<int>(a.asked, b.asked), 5) << "the other was ejected";
}

TEST_F(S19, N15_AFailureKeepsTheSet) {
  open_discovered();
  ASSERT_TRUE(becomes(at("127.0.0.1") + at("127.0.0.2"))) << names();
  answer({.code = 2, .addresses = {}, .alias = {}});
  const auto asked = dns_.questions().size();
  // Beyond the five minutes for which a resolver hands out what is old.
  ASSERT_TRUE(soon([&] {
    pass(10s);
    return logged().find("svc: its instances stay as they are: ") != std::string::npos;
  }));
  EXPECT_GT(dns_.questions().size(), asked);
  EXPECT_EQ(names(), at("127.0.0.1") + at("127.0.0.2"));
  EXPECT_EQ(failed_of(40, 1), 0);

  answer({.code = 0, .addresses = {"127.0.0.2"}, .ttl = 1, .alias = {}});
  EXPECT_TRUE(becomes(at("127.0.0.2")));
  EXPECT_NE(logged().find("svc: is answered again"), std::string::npos);
}

TEST_F(S19, N15_ARemovedInstanceFinishesWhatIsInFlight) {
  open_discovered();
  ASSERT_TRUE(becomes(at("127.0.0.1") + at("127.0.0.2"))) << names();
  answers_ = false;
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(host_->start(parts(1)));
  ASSERT_TRUE(soon([&] { return first_asked_ + second_asked_ == 200; }));
  EXPECT_GT(second_asked_, 50);

  answer({.code = 0, .addresses = {"127.0.0.1"}, .ttl = 1, .alias = {}});
  ASSERT_TRUE(becomes(at("127.0.0.1"))) << names();
  pass(60s);
  answers_ = true;
  for (auto& call : calls) {
    const auto result = std::move(call).get();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, "done");
  }
  const int before = second_asked_;
  EXPECT_EQ(failed_of(50, 1), 0);
  EXPECT_EQ(second_asked_, before);
}

TEST_F(Discovered, IdleConnectionsToARemovedInstanceCloseAtOnce) {
  open_discovered();
  ASSERT_TRUE(becomes(at("127.0.0.1") + at("127.0.0.2"))) << names();
  // One after the other they would all go to the one that answered first.
  answers_ = false;
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 8; ++i) calls.push_back(host_->start(parts(1)));
  ASSERT_TRUE(soon([&] { return first_asked_ + second_asked_ == 8; }));
  ASSERT_GT(second_asked_, 0);
  answers_ = true;
  for (auto& call : calls) ASSERT_TRUE(std::move(call).get());
  const auto open_before = host_->stats().connections_open;
  answer({.code = 0, .addresses = {"127.0.0.1"}, .ttl = 1, .alias = {}});
  ASSERT_TRUE(becomes(at("127.0.0.1"))) << names();
  EXPECT_TRUE(soon([&] { return host_->stats().connections_open < open_before; }));
}

TEST_F(Discovered, AReloadKeepsTheSetAndAnUnrelatedNumber) {
  open_discovered();
  ASSERT_TRUE(becomes(at("127.0.0.1") + at("127.0.0.2"))) << names();
  EXPECT_EQ(host_->stats().generation, 1u) << "a set of instances is no reload";
  reload(settings_ + "request.id = true\n");
  EXPECT_EQ(names(), at("127.0.0.1") + at("127.0.0.2"));
  EXPECT_EQ(host_->stats().generation, 2u);
}

}  // namespace
}  // namespace callerapi::caller
