// Active health checks: check.path. The clock is the test's.
#include "caller/metrics_text.hpp"
#include "discovery_fixture.hpp"
#include "support/black_hole.hpp"
#include "support/exposition.hpp"

namespace callerapi::caller {
namespace {

using namespace std::chrono_literals;
using support::ScriptedServer;
using support::SeenRequest;

/// A server that can be told how to answer its checks, and how everything else.
struct Checked {
  std::atomic<int> health{200}, status{200};
  std::atomic<bool> silent{false};
  std::atomic<int> checks{0}, calls{0};
  base::Mutex mutex;
  std::string head;  // of the last check; guarded by mutex
  ScriptedServer server{[this](const SeenRequest& request) {
    const bool check = request.target == "/v1/health";
    ++(check ? checks : calls);
    if (check) {
      base::Lock lock(mutex);
      head = request.head;
    }
    if (check && silent) return support::Script{};
    return support::Script{.bytes = "HTTP/1.1 " + std::to_string(check ? health : status) +
                                    " So\r\nContent-Length: 0\r\n\r\n"};
  }};
  std::string last() {
    base::Lock lock(mutex);
    return head;
  }
};

class Checks : public DiscoveryTest {
 protected:
  /// Time runs ahead of loopback: an answer has plenty of it, unless a test says less.
  std::string settings(const std::string& more = "check.timeout = \"60s\"\n",
                       const std::string& path = "/health") {
    return "base_url = \"http://svc.test/v1\"\nbreaker.mode = \"off\"\ninstances = [\"" +
           first_.server.url() + "\", \"" + second_.server.url() + "\"]\ncheck.path = \"" + path +
           "\"\n" + more;
  }
  /// "ok ejected "
  std::string states() const {
    std::string text;
    for (const auto& one : host_->snapshot()->services.at("svc")->instances->all())
      text += std::string(one->state(host_->now())) + " ";
    return text;
  }
  /// A second passes, and whoever was asked answers, unless he is silent.
  void second() {
    pass(1s);
    soon([&] { return first_.silent || second_.silent || host_->checks().under_way() == 0; });
  }
  bool come_to(const std::string& wanted) {
    return soon([&] {
      second();
      return states() == wanted;
    });
  }
  double metric(const std::string& sample) {
    return support::read_exposition(metrics_text(*host_)).value(sample);
  }
  Checked first_, second_;
};

TEST_F(Checks, ThreeFailuresLeaveAnInstanceAloneAndSuccessesBringItBack) {
  open(settings("check.timeout = \"60s\"\ncheck.healthy_after = 4\n"));
  ASSERT_TRUE(soon([&] {
    second();
    return first_.checks > 1 && second_.checks > 1;
  }));
  EXPECT_EQ(states(), "ok ok ");
  first_.health = 503;
  ASSERT_TRUE(come_to("ejected ok "));
  EXPECT_EQ(host_->snapshot()->services.at("svc")->state->checks.failed, 3u);
  const int calls = first_.calls;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(get());
  EXPECT_EQ(first_.calls, calls);
  EXPECT_NE(logged().find("svc: 127.0.0.1:" + std::to_string(first_.server.port()) +
                          " fails its checks: it answered 503"),
            std::string::npos)
      << logged();

  // Far longer than an ejection takes: the checks keep it out.
  for (int i = 0; i < 60; ++i) {
    const int seen = first_.checks;
    ASSERT_TRUE(soon([&] {
      second();
      return first_.checks > seen;
    }));
    ASSERT_EQ(states(), "ejected ok ") << i;
  }
  first_.health = 204;
  const int failing = first_.checks;
  ASSERT_TRUE(come_to("ok ok "));
  EXPECT_EQ(first_.checks - failing, 4);
  EXPECT_NE(logged().find(" passes its checks again"), std::string::npos);
}

TEST_F(Checks, SuccessEndsAnEjectionThatCallsLedToAndCountsFromThenOn) {
  open(
      settings("balance.policy = \"round_robin\"\nejection.base = \"300s\"\n"
               "check.timeout = \"60s\"\ncheck.healthy_after = 3\n"));
  ASSERT_TRUE(soon([&] {
    second();
    return first_.checks > 3;
  }));
  first_.status = 500;
  ASSERT_TRUE(soon([&] {
    (void)get();
    return states() == "ejected ok ";
  }));
  const int before = first_.checks;
  const TimePoint since = host_->now();
  ASSERT_TRUE(come_to("ok ok "));
  EXPECT_EQ(first_.checks - before, 3);
  EXPECT_LT(host_->now() - since, 300s);
}

TEST_F(Checks, OneThatDoesNotAnswerFailsAndNeverAreAllLeftAlone) {
  open(settings(""));
  first_.silent = true;
  ASSERT_TRUE(come_to("ejected ok "));
  second_.silent = true;
  const int before = second_.checks;
  ASSERT_TRUE(soon([&] {
    pass(1s);
    return second_.checks > before + 4;
  }));
  EXPECT_EQ(states(), "ejected ok ") << "half of them at most";
  EXPECT_TRUE(get());
}

TEST_F(Checks, OneToWhichNoConnectionComesAboutFails) {
  // An attempt that ends before the check, when timeouts.connect does, says it as well.
  for (const std::string more : {"", "timeouts.attempt = \"2s\"\ncheck.timeout = \"10s\"\n"}) {
    const support::BlackHole hole;
    open(
        "base_url = \"http://svc.test/v1\"\nbreaker.mode = \"off\"\ninstances = "
        "[\"http://127.0.0.1:" +
        std::to_string(hole.port()) + "\", \"" + second_.server.url() +
        "\"]\ncheck.path = \"/health\"\n" + more);
    EXPECT_TRUE(soon([&] {
      pass(1s);
      soon([&] { return host_->checks().under_way() < 2; });  // the other one is answered
      return states() == "ejected ok ";
    })) << states();
  }
}

TEST_F(Checks, AreNoCallsOfTheService) {
  open(settings("limits.inflight = 1\ncheck.timeout = \"60s\"\n"));
  first_.health = 503;
  ASSERT_TRUE(come_to("ejected ok "));
  EXPECT_EQ(host_->stats().calls, 0u);
  EXPECT_TRUE(host_->call_log().all().empty());
  EXPECT_EQ(metric("callerapi_check_count_total{service=\"svc\",result=\"failed\"}"), 3);
  EXPECT_EQ(metrics_text(*host_).find("callerapi_call_attempts_total{service=\"svc\""),
            std::string::npos);
}

TEST_F(Checks, CarryNoCredential) {
  open(settings("[services.svc.auth]\ntype = \"bearer\"\ntoken = \"secret\"\ninsecure = true\n"));
  ASSERT_TRUE(soon([&] {
    pass(1s);
    return first_.checks > 0;
  }));
  EXPECT_EQ(first_.last().find("Authorization"), std::string::npos) << first_.last();
}

TEST_F(Checks, AreOffUnlessAskedForAndEndWithTheService) {
  open("base_url = \"" + first_.server.url() + "/v1\"\n");
  pass(30s);
  EXPECT_EQ(first_.checks, 0);

  write_registry(settings(""));
  ASSERT_TRUE(host_->reload());
  first_.silent = true;  // one is on its way when the service goes
  ASSERT_TRUE(soon([&] {
    pass(1s);
    return first_.checks > 0 && second_.checks > 0;
  }));
  const auto gone = std::weak_ptr(host_->snapshot()->services.at("svc"));
  write("registry.toml", "schema = 1\nallow_empty = true\n");
  ASSERT_TRUE(host_->reload());
  EXPECT_TRUE(soon([&] {
    pass(1s);
    return host_->stats().connections_open == 0 && host_->checks().under_way() == 0 &&
           gone.expired();
  }));
  const int before = first_.checks + second_.checks;
  pass(60s);
  EXPECT_EQ(first_.checks + second_.checks, before);
}

TEST_F(Checks, AReloadThatChangesTheTermsGoesOnWithWhatIsKnown) {
  open(settings());
  first_.health = 503;
  ASSERT_TRUE(come_to("ejected ok "));
  write_registry(settings("check.interval = \"2s\"\ncheck.timeout = \"60s\"\n"));
  ASSERT_TRUE(host_->reload());
  EXPECT_EQ(states(), "ejected ok ");
  first_.health = 200;
  EXPECT_TRUE(come_to("ok ok "));
}

TEST_F(Checks, ReloadingAndRetiringAmongThemHurtsNobody) {
  open(settings("check.interval = \"1s\"\n"));
  for (int i = 0; i < 100; ++i) {
    first_.silent = i % 3 == 0;
    first_.health = i % 2 == 0 ? 200 : 503;
    if (i % 4 == 3) {
      write("registry.toml", "schema = 1\nallow_empty = true\n");
    } else {
      write_registry(settings("", i % 4 == 1 ? "/health" : "off"));
    }
    ASSERT_TRUE(host_->reload());
    pass(1s);
  }
  host_.reset();
}

}  // namespace
}  // namespace callerapi::caller
