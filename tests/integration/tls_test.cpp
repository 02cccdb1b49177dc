// What holds once a server was let in: sessions, ends, rotation, both drivers.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "integration/tls_fixture.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::SeenRequest;
using support::TlsBehaviour;
using support::TlsServer;

class Tls : public TlsTest {
 protected:
  /// One way to make a call: on this thread, or on the loop.
  using Driver = std::function<Result<Response>(Caller&, const std::string&, Request)>;
  static std::vector<Driver> drivers() {
    return {[](Caller& caller, const std::string& endpoint, Request request) {
              return caller.call("echo", endpoint, std::move(request));
            },
            [](Caller& caller, const std::string& endpoint, Request request) {
              return caller.start("echo", endpoint, std::move(request)).get();
            }};
  }
  static Request one() { return Request{}.path("id", "1"); }
  /// Waits for what another thread brings about.
  static bool soon(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

class TlsOf : public Tls, public ::testing::WithParamInterface<int> {
 protected:
  static TlsBehaviour version(bool close_notify = true) {
    TlsBehaviour behaviour = good();
    behaviour.min_version = behaviour.max_version = GetParam();
    behaviour.close_notify = close_notify;
    return behaviour;
  }
};
std::string version_name(const ::testing::TestParamInfo<int>& version) {
  return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}
INSTANTIATE_TEST_SUITE_P(, TlsOf, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), version_name);

TEST_P(TlsOf, OneConnectionServesManyCallsOfBothKinds) {
  TlsServer server(version(), echo);
  Caller caller = open(service("echo", server.url(), trusting));

  for (int i = 0; i < 40; ++i)
    for (const Driver& call : drivers()) {
      const auto response = call(caller, "get", one());
      ASSERT_TRUE(response) << response.error().message;
    }

  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(caller.stats().connections_reused, 79u);
}

TEST_P(TlsOf, OnlyTheCallThatOpensAConnectionWaitsForTls) {
  TlsServer server(version(), echo);
  Caller caller = open(service("echo", server.url(), trusting));
  const auto opens = caller.call("echo", "get", one());
  const auto reuses = caller.call("echo", "get", one());
  ASSERT_TRUE(opens && reuses);
  EXPECT_GT(opens->time.connect, 0ns);
  EXPECT_GT(opens->time.tls, 0ns);
  EXPECT_EQ(reuses->time.connect + reuses->time.tls, 0ns);
}

TEST_P(TlsOf, TheSecondConnectionResumesTheSessionOfTheFirst) {
  TlsServer server(version(), [](const SeenRequest&) {
    return Script{.bytes = support::ok("bye", "Connection: close\r\n"), .close = true};
  });
  Caller caller = open(service("echo", server.url(), trusting));

  for (int i = 0; i < 4; ++i) ASSERT_TRUE(get(caller, "echo"));

  EXPECT_EQ(server.handshakes(), 4);
  EXPECT_EQ(server.resumed(), 3);
}

TEST_P(TlsOf, ABodyThatEndsWithTheConnectionIsWholeOnlyWithCloseNotify) {
  for (const bool notify : {true, false}) {
    TlsServer server(version(notify), [](const SeenRequest&) {
      return Script{.bytes = "HTTP/1.1 200 OK\r\n\r\nall of it", .close = true};
    });
    Caller caller = open(service("echo", server.url(), trusting));
    for (const Driver& call : drivers()) {
      const auto response = call(caller, "get", one());
      if (notify) {
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->body, "all of it");
      } else {
        ASSERT_FALSE(response);
        EXPECT_EQ(response.error().outcome, Outcome::response_truncated);
        EXPECT_EQ(response.error().reason, "no_close_notify");
      }
    }
  }
}

TEST_P(TlsOf, ADeclaredBodyNeedsNoCloseNotify) {
  TlsServer server(version(false), [](const SeenRequest& request) {
    return Script{.bytes = support::ok("whole " + request.target), .close = true};
  });
  Caller caller = open(service("echo", server.url(), trusting));
  for (int i = 0; i < 10; ++i)
    for (const Driver& call : drivers()) {
      const auto response = call(caller, "get", one());
      ASSERT_TRUE(response) << response.error().message;
    }
}

TEST_P(TlsOf, ADeclaredBodyThatIsCutIsTruncatedWithAndWithoutCloseNotify) {
  for (const bool notify : {true, false}) {
    TlsServer server(version(notify), [](const SeenRequest&) {
      return Script{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .close = true};
    });
    Caller caller = open(service("echo", server.url(), trusting));
    for (const Driver& call : drivers()) {
      const auto response = call(caller, "get", one());
      ASSERT_FALSE(response);
      EXPECT_EQ(response.error().outcome, Outcome::response_truncated);
      EXPECT_EQ(response.error().reason, "body");
    }
  }
}

TEST_P(TlsOf, AKeptConnectionThatTheServerClosedCostsAGetNothing) {
  for (const bool notify : {true, false}) {
    TlsServer server(version(notify), echo);
    Caller caller = open(service("echo", server.url(), trusting));
    for (int i = 0; i < 20; ++i) {
      const auto response = get(caller, "echo");
      ASSERT_TRUE(response) << response.error().message;
      server.drop_connections();
    }
  }
}

TEST_P(TlsOf, LargeBodiesGoBothWaysInAnyPieces) {
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i) + ",";
  TlsServer server(version(),
                   [](const SeenRequest& r) { return Script{.bytes = support::ok(r.body)}; });
  Caller caller = open(service("echo", server.url(), trusting));
  for (const Driver& call : drivers()) {
    const auto response = call(caller, "put", one().body(Body::text(large)));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == large) << response->body.size();
  }
}

TEST_P(TlsOf, RecordsOfOneByteAreReadLikeAnyOther) {
  TlsServer server(version(), [](const SeenRequest& r) {
    return Script{.bytes = support::ok("piece by piece " + r.target), .piecewise = true};
  });
  Caller caller = open(service("echo", server.url(), trusting));
  for (int i = 0; i < 5; ++i)
    for (const Driver& call : drivers()) {
      const auto response = call(caller, "get", one());
      ASSERT_TRUE(response) << response.error().message;
      EXPECT_EQ(response->body, "piece by piece /echo/1");
    }
  EXPECT_EQ(server.connections(), 1);
}

TEST_P(TlsOf, ManyCallsAtOnceEachGetTheirOwnAnswer) {
  TlsServer server(version(), echo);
  Caller caller = open(service("echo", server.url(), trusting, "pool.connections_max = 8\n"));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const Driver call = drivers()[static_cast<std::size_t>(t % 2)];
      for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const auto response = call(caller, "get", Request{}.path("id", id));
        if (!response || response->body != "GET /echo/" + id + " ") ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(wrong.load(), 0);
  EXPECT_LE(server.connections(), 8);
}

TEST_P(TlsOf, APeerThatIsGoneRaisesNoSignal) {
  TlsServer server(version(), echo);
  Caller caller = open(service("echo", server.url(), trusting));
  std::thread([&] {
    // A thread as the host may have it: SIGPIPE neither blocked nor handled.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
    const std::string large(2'000'000, 'x');
    for (int i = 0; i < 5; ++i) {
      std::thread breaker([&] { server.drop_connections(); });
      (void)caller.call("echo", "put", one().body(Body::text(large)));
      breaker.join();
    }
    EXPECT_TRUE(get(caller, "echo"));
  }).join();
}

TEST_F(Tls, SendsTheServerNameForNamesAndNeverForAddresses) {
  support::CertificateSpec both;
  both.addresses = {"127.0.0.1"};
  TlsBehaviour behaviour;
  behaviour.identity = support::make_certificate(both, &Pki::get().root);
  TlsServer server(behaviour, echo);
  Caller caller = open(service("echo", server.url(), trusting) +
                       service("bare", server.url(), "ca_file = \"ca.pem\"\n"));

  ASSERT_TRUE(get(caller, "echo"));
  EXPECT_EQ(server.server_name(), "svc.test");
  ASSERT_TRUE(get(caller, "bare"));
  EXPECT_EQ(server.server_name(), "(none)");
}

TEST_F(Tls, VerifyOffIsLoggedAtEveryLoad) {
  std::mutex mutex;
  std::vector<std::string> warnings;
  Caller caller = open(
      "[services.echo]\nplugin = \"static:echo\"\nbase_url = \"https://h\"\n"
      "tls.verify = \"off\"\n",
      [&](const LogRecord& record) {
        std::lock_guard lock(mutex);
        if (record.level == LogLevel::warning) warnings.emplace_back(record.message);
      });
  ASSERT_TRUE(caller.reload());

  std::lock_guard lock(mutex);
  const std::string warning =
      "registry.toml:5:14: services.echo.tls.verify: certificates are not checked; whoever answers "
      "is taken for the service";
  EXPECT_EQ(warnings, (std::vector<std::string>{warning, warning}));
}

TEST_F(Tls, AReloadThatChangesNothingKeepsConnections) {
  TlsServer server(good(), echo);
  Caller caller = open(service("echo", server.url(), trusting));
  ASSERT_TRUE(get(caller, "echo"));
  ASSERT_TRUE(caller.reload());
  write_registry(service("echo", server.url(), trusting, "timeouts.total = \"9s\"\n"));
  ASSERT_TRUE(caller.reload());
  ASSERT_TRUE(get(caller, "echo"));
  EXPECT_EQ(server.connections(), 1);
}

/// Each of these alone must end the use of the connections and sessions there are.
TEST_F(Tls, AnyChangeOfTrustOrIdentityMakesANewPoolWithoutOldSessions) {
  const Pki& pki = Pki::get();
  support::CertificateSpec both;
  both.names = {"svc.test", "other.test"};
  TlsBehaviour behaviour;
  behaviour.identity = support::make_certificate(both, &pki.root);
  behaviour.client_authority = pki.root.pem;
  behaviour.client_required = false;
  TlsServer server(behaviour, echo);
  write("own.pem", pki.client.chain);
  write("own.key", pki.client.key);
  Caller caller = open(service("echo", server.url(), trusting));
  ASSERT_TRUE(get(caller, "echo"));

  const std::string own = "cert_file = \"own.pem\"\nkey_file = \"own.key\"\n";
  const std::string other = "ca_file = \"ca.pem\"\nserver_name = \"other.test\"\n";
  int connections = 1;
  const auto reload_with = [&](const std::string& tls) {
    write_registry(service("echo", server.url(), tls));
    const auto reloaded = caller.reload();
    ASSERT_TRUE(reloaded) << reloaded.error().message;
    const auto response = get(caller, "echo");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(server.connections(), ++connections) << tls;
    EXPECT_EQ(server.resumed(), 0) << tls;
  };
  reload_with(trusting + "min_version = \"1.3\"\n");
  reload_with(trusting);
  reload_with(trusting + "verify = \"off\"\n");
  reload_with(other);
  reload_with(trusting + own);
  EXPECT_EQ(server.client_name(), "invoice-worker");
  write("ca.pem", pki.root.pem + pki.other_root.pem);
  reload_with(trusting + own);
  const support::Certificate renewed = support::make_certificate(
      {.common_name = "renewed", .names = {}, .extended_usage = "clientAuth"}, &pki.root);
  write("own.pem", renewed.chain);
  write("own.key", renewed.key);
  reload_with(trusting + own);
  EXPECT_EQ(server.client_name(), "renewed");
}

TEST_F(Tls, ARotationUnderLoadFailsNoCall) {
  const Pki& pki = Pki::get();
  TlsServer server(good(), echo);
  Caller caller = open(service("echo", server.url(), trusting));
  std::atomic<bool> stop{false};
  std::atomic<int> done{0};
  std::mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      const Driver call = drivers()[static_cast<std::size_t>(t % 2)];
      while (!stop) {
        const auto response = call(caller, "get", one());
        ++done;
        if (response) continue;
        std::lock_guard lock(mutex);
        failures.push_back(response.error().message);
      }
    });
  for (int i = 0; i < 20; ++i) {
    write("ca.pem", i % 2 == 0 ? pki.other_root.pem + pki.root.pem : pki.root.pem);
    ASSERT_TRUE(caller.reload());
    const int so_far = done;
    ASSERT_TRUE(soon([&] { return done > so_far + 5; }));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(failures, std::vector<std::string>{});
  EXPECT_GT(server.connections(), 20);
}

TEST_F(Tls, AHalfWrittenRotationIsRefusedAndTheOldOneGoesOn) {
  const Pki& pki = Pki::get();
  TlsBehaviour behaviour = good();
  behaviour.client_authority = pki.root.pem;
  TlsServer server(behaviour, echo);
  write("own.pem", pki.client.chain);
  write("own.key", pki.client.key);
  Caller caller = open(service("echo", server.url(),
                               trusting + "cert_file = \"own.pem\"\nkey_file = \"own.key\"\n"));
  ASSERT_TRUE(get(caller, "echo"));
  write("own.key", pki.good.key);

  const auto refused = caller.reload();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "key");
  const auto response = get(caller, "echo");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Tls, ADeadlineAndACancelEndAHandshakeThatHangs) {
  TlsBehaviour behaviour;
  behaviour.mode = TlsBehaviour::Mode::silent;
  TlsServer server(behaviour, echo);
  Caller caller = open(service("echo", server.url(), trusting));
  for (const Driver& call : drivers()) {
    const auto before = std::chrono::steady_clock::now();
    const auto response = call(caller, "get", one().timeout(200ms));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().outcome, Outcome::deadline_exceeded);
    EXPECT_EQ(response.error().sent, Sent::no);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1500ms);
  }
  auto call = caller.start("echo", "get", one());
  const auto cancel = call.canceller();
  std::thread canceller(cancel);
  const auto response = std::move(call).get();
  canceller.join();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().outcome, Outcome::cancelled);
}

}  // namespace
}  // namespace callerapi
