#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/plugin.hpp"
#include "support/raw_server.hpp"
#include "support/read_once.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace signing {

using namespace callerapi::dsl;

/// Says what each of its hooks saw of the credential.
struct Notary {
  static constexpr std::string_view id = "notary", version = "1.0.0", owner = "team-notary";
  using api = endpoints<get<"look", "/look", bytes>>;
  explicit Notary(callerapi::HostView) {}
  void on_request(callerapi::SignRequest& request) {
    request.header("X-First", request.header("Authorization").value_or("none"));
  }
  void sign(callerapi::SignRequest& request) {
    request.header("X-Signed", request.header("Authorization").value_or("none"));
  }
};

}  // namespace signing

namespace callerapi {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

std::string authorization(const SeenRequest& request) {
  const std::string name = "Authorization: ";
  const auto at = request.head.find(name);
  if (at == std::string::npos) return "none";
  const auto from = at + name.size();
  return request.head.substr(from, request.head.find("\r\n", from) - from);
}

/// Grants tok-1, tok-2, ...
class TokenServer {
 public:
  std::string url() const { return server_.url(); }
  std::vector<SeenRequest> requests() const { return server_.requests(); }
  std::size_t asked() const { return server_.requests().size(); }

 private:
  std::atomic<int> granted_{0};
  ScriptedServer server_{[this](const SeenRequest&) {
    return Script{.bytes = support::ok("{\"access_token\":\"tok-" + std::to_string(++granted_) +
                                       "\",\"token_type\":\"Bearer\",\"expires_in\":3600}")};
  }};
};

/// Lets in whoever sends `wanted`, and answers 401 to all others.
class Door {
 public:
  explicit Door(std::string wanted) : wanted_(std::move(wanted)) {}
  std::string url() const { return server_.url(); }
  std::vector<SeenRequest> requests() const { return server_.requests(); }
  int count(const std::string& sent) const {
    int count = 0;
    for (const SeenRequest& request : requests()) count += authorization(request) == sent;
    return count;
  }

 private:
  const std::string wanted_;
  ScriptedServer server_{[this](const SeenRequest& request) {
    return Script{.bytes = authorization(request) == wanted_ ? support::ok("in")
                                                             : support::status(401, "out")};
  }};
};

class Auth : public ::testing::Test {
 protected:
  Auth() {
    std::string pattern = (fs::temp_directory_path() / "callerapi-auth-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Auth() override { fs::remove_all(folder_); }

  /// As Kubernetes does: another file takes the name.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    fs::rename(folder_ / "new", folder_ / name);
  }
  void write_registry(const std::string& services) const {
    write("registry.toml", "schema = 1\n" + services);
  }
  static std::string service(const std::string& name, const std::string& url,
                             const std::string& auth) {
    return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + url + "\"\n" + auth;
  }
  static std::string oauth2(const std::string& more = "") {
    return "auth = {type = \"oauth2\", token_service = \"login\", token_path = \"/oauth/token\", "
           "client_id = \"app\", client_secret = \"s3cret\"" +
           more + "}\n";
  }
  Caller open(const std::string& services) {
    write_registry(services);
    Options options;
    options.static_plugins = {support::echo_plugin(), &static_plugin<signing::Notary>};
    options.environment.emplace();
    options.watch = false;
    options.log = [this](const LogRecord& line) {
      std::lock_guard lock(mutex_);
      logged_.append(line.message).append("\n");
    };
    return Caller::open((folder_ / "registry.toml").string(), std::move(options)).value();
  }
  std::string logged() {
    std::lock_guard lock(mutex_);
    return logged_;
  }
  static int status(const Result<Response>& answer) { return answer ? answer->status : -1; }
  static std::string body(const Result<Response>& answer) {
    return answer ? answer->body : answer.error().message;
  }

  fs::path folder_;
  std::mutex mutex_;
  std::string logged_;  // protected by mutex_
};

TEST_F(Auth, ABearerOfTheRegistryIsSentWithEveryCall) {
  Door door("Bearer abc");
  Caller caller = open(service("a", door.url(), "auth = {type = \"bearer\", token = \"abc\"}\n"));
  EXPECT_EQ(status(caller.request("a", "GET", "/")), 200);
  EXPECT_EQ(status(caller.call("a", "create", Request{}.json_text("{}"))), 200);
  EXPECT_EQ(status(caller.start_request("a", "GET", "/").get()), 200);
}

TEST_F(Auth, BasicIsUserAndPassword) {
  Door door("Basic bWU6czNjcmV0");
  Caller caller = open(service(
      "a", door.url(), "auth = {type = \"basic\", username = \"me\", password = \"s3cret\"}\n"));
  EXPECT_EQ(status(caller.request("a", "GET", "/")), 200);
}

TEST_F(Auth, AnAuthorizationOfTheCallItselfComesFirst) {
  Door door("Bearer mine");
  TokenServer login;
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
  EXPECT_EQ(
      status(caller.request("a", "GET", "/", Request{}.header("Authorization", "Bearer mine"))),
      200);
  EXPECT_EQ(login.asked(), 0u);
}

TEST_F(Auth, TheSignHookOfEachAttemptSeesWhatItIsSentWith) {
  Door door("Bearer tok-2");
  TokenServer login;
  Caller caller = open("[services.a]\nplugin = \"static:notary\"\nbase_url = \"" + door.url() +
                       "\"\n" + oauth2() + service("login", login.url(), ""));
  EXPECT_EQ(status(caller.call("a", "look")), 200);
  const auto seen = door.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[0].head.find("X-Signed: Bearer tok-1\r\n"), std::string::npos) << seen[0].head;
  EXPECT_NE(seen[1].head.find("X-Signed: Bearer tok-2\r\n"), std::string::npos) << seen[1].head;
  for (const SeenRequest& request : seen)
    EXPECT_NE(request.head.find("X-First: none\r\n"), std::string::npos)
        << "what on_request() sees is kept for all attempts";
}

TEST_F(Auth, AFixedTokenThatIsRefusedIsNotTriedTwice) {
  Door door("Bearer other");
  Caller caller = open(service("a", door.url(), "auth = {type = \"bearer\", token = \"abc\"}\n"));
  const auto answer = caller.request("a", "GET", "/");
  EXPECT_EQ(status(answer), 401);
  EXPECT_EQ(answer->attempts, 1);
}

TEST_F(Auth, ATokenFileThatChangesIsUsedWithoutARestartAndOneThatGoesLeavesTheLast) {
  ScriptedServer server([](const SeenRequest& request) {
    return Script{.bytes = support::ok(authorization(request))};
  });
  write("token", "one\n");
  Caller caller =
      open(service("a", server.url(), "auth = {type = \"bearer\", token_file = \"token\"}\n"));
  EXPECT_EQ(body(caller.request("a", "GET", "/")), "Bearer one");

  write("token", "two\n");
  const auto until = std::chrono::steady_clock::now() + 20s;
  std::string sent;
  while (sent != "Bearer two" && std::chrono::steady_clock::now() < until)
    sent = body(caller.request("a", "GET", "/"));
  EXPECT_EQ(sent, "Bearer two");

  fs::remove(folder_ / "token");
  while (logged().find("stays in use") == std::string::npos &&
         std::chrono::steady_clock::now() < until)
    sent = body(caller.request("a", "GET", "/"));
  EXPECT_NE(logged().find("a: " + (folder_ / "token").string() +
                          ": No such file or directory; what was read before stays in use"),
            std::string::npos)
      << logged();
  EXPECT_EQ(sent, "Bearer two");
}

TEST_F(Auth, A401ToATokenOfAFileReadsTheFileAtOnce) {
  Door door("Bearer new");
  write("token", "old");
  Caller caller =
      open(service("a", door.url(), "auth = {type = \"bearer\", token_file = \"token\"}\n"));
  write("token", "new");
  const auto answer = caller.request("a", "GET", "/");
  EXPECT_EQ(status(answer), 200);
}

TEST_F(Auth, OAuth2AsksOnceAndSendsTheTokenWithEveryCall) {
  Door door("Bearer tok-1");
  TokenServer login;
  Caller caller = open(service("a", door.url(), oauth2(", scope = \"read\"")) +
                       service("login", login.url(), ""));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status(caller.request("a", "GET", "/")), 200);
  EXPECT_EQ(status(caller.start_request("a", "GET", "/").get()), 200);
  ASSERT_EQ(login.asked(), 1u);
  const SeenRequest asked = login.requests().front();
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.target, "/oauth/token");
  EXPECT_EQ(authorization(asked), "Basic YXBwOnMzY3JldA==");
  EXPECT_EQ(asked.body, "grant_type=client_credentials&scope=read");
}

TEST_F(Auth, AReloadThatDoesNotTouchItKeepsTheToken) {
  Door door("Bearer tok-1");
  TokenServer login;
  const std::string services =
      service("a", door.url(), oauth2()) + service("login", login.url(), "");
  Caller caller = open(services);
  EXPECT_EQ(status(caller.request("a", "GET", "/")), 200);
  write_registry(services + "[services.a.timeouts]\ntotal = \"9s\"\n");
  ASSERT_TRUE(caller.reload());
  EXPECT_EQ(status(caller.request("a", "GET", "/")), 200);
  EXPECT_EQ(login.asked(), 1u);
}

/// Semantics S19, test 13.
TEST_F(Auth, S19_N13_AHundred401sAtOnceAskForOneTokenMore) {
  Door door("Bearer tok-2");
  TokenServer login;
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
  std::vector<Call<Response>> calls;
  for (int i = 0; i < 100; ++i)
    calls.push_back(caller.start("a", "create", Request{}.json_text(std::to_string(i))));
  for (auto& call : calls) {
    const auto answer = call.get();
    EXPECT_EQ(status(answer), 200);
    EXPECT_LE(answer ? answer->attempts : 0, 2);
  }
  EXPECT_EQ(login.asked(), 2u) << "one at the start, one after the 401s";
  EXPECT_EQ(door.count("Bearer tok-2"), 100);
}

TEST_F(Auth, S19_N13_ThreadsThatCallAskForOneTokenMoreToo) {
  Door door("Bearer tok-2");
  TokenServer login;
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
  std::atomic<int> in{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] { in += status(caller.request("a", "POST", "/")) == 200; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in, 16);
  EXPECT_EQ(login.asked(), 2u);
}

TEST_F(Auth, S19_N13_ASecond401Surfaces) {
  Door door("Bearer never");
  TokenServer login;
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
  const auto answer = caller.request("a", "GET", "/");
  EXPECT_EQ(status(answer), 401);
  EXPECT_EQ(answer->attempts, 2);
  EXPECT_EQ(login.asked(), 2u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(caller.request("a", "GET", "/")->attempts, 1);
  EXPECT_EQ(login.asked(), 2u) << "a service that refuses every token costs no token a call";
}

/// Semantics S19, test 14: with another token an endpoint that is never retried is asked again too.
TEST_F(Auth, S19_N14_A401SendsABodyThatIsReadOnceAgainUpTo64KiB) {
  for (const bool blocking : {true, false})
    for (const std::size_t size : {65'536u, 65'537u}) {
      Door door("Bearer tok-2");
      TokenServer login;
      Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
      const std::string bytes = support::varied_bytes(size);
      auto request = Request{}.explain().body(support::read_once(bytes));
      const auto answer = blocking
                              ? caller.request("a", "POST", "/", std::move(request))
                              : caller.start_request("a", "POST", "/", std::move(request)).get();

      const bool again = size == 65'536;
      ASSERT_EQ(status(answer), again ? 200 : 401);
      EXPECT_EQ(door.requests().size(), again ? 2u : 1u);
      for (const SeenRequest& seen : door.requests()) EXPECT_TRUE(seen.body == bytes);
      EXPECT_EQ(answer->record->attempts.back().stop_reason,
                again ? "class" : "body_not_replayable");
    }
}

TEST_F(Auth, WithoutATokenServiceTheCallSaysSoAndNothingIsSent) {
  Door door("Bearer tok-1");
  ScriptedServer login([](const SeenRequest&) {
    return Script{.bytes = support::status(401, "{\"error\":\"invalid_client\"}")};
  });
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", login.url(), ""));
  for (const bool blocking : {true, false}) {
    const auto answer =
        blocking ? caller.request("a", "GET", "/") : caller.start_request("a", "GET", "/").get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().outcome, Outcome::auth_error);
    EXPECT_EQ(answer.error().sent, Sent::no);
    EXPECT_TRUE(answer.error().message.ends_with(
        "(attempt 0, sent=no): no token from login /oauth/token: it answered 401, error "
        "invalid_client; check client_id, client_secret and scope of [services.X.auth]"))
        << answer.error().message;
  }
  EXPECT_TRUE(door.requests().empty());
}

TEST_F(Auth, WhoWaitsForATokenKeepsToItsOwnDeadline) {
  Door door("Bearer tok-1");
  support::RawServer silent([](support::Peer& peer) { peer.read_to_end(); });
  Caller caller = open(service("a", door.url(), oauth2()) + service("login", silent.url(), ""));
  for (const bool blocking : {true, false}) {
    const auto began = std::chrono::steady_clock::now();
    const auto answer = blocking
                            ? caller.request("a", "GET", "/", Request{}.timeout(50ms))
                            : caller.start_request("a", "GET", "/", Request{}.timeout(50ms)).get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().outcome, Outcome::deadline_exceeded);
    EXPECT_TRUE(
        answer.error().message.ends_with("the deadline passed while waiting for a credential"))
        << answer.error().message;
    EXPECT_GE(answer.error().time.queue, 40ms) << "and its ledger says where the time went";
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  }
  auto cancelled = caller.start_request("a", "GET", "/");
  cancelled.cancel();
  EXPECT_EQ(cancelled.get().error().outcome, Outcome::cancelled);
}

TEST_F(Auth, TheSecretIsShownNowhere) {
  ScriptedServer login([](const SeenRequest&) {
    return Script{.bytes = support::ok("{\"access_token\":\"t0ken\",\"expires_in\":0}")};
  });
  Door door("Bearer never");
  write("pass", "s3cret");
  const std::string others =
      service("login", login.url(), "") +
      service("b", door.url(),
              "auth = {type = \"basic\", username = \"me\", password_file = \"pass\"}\n");
  Caller caller = open(others + service("a", door.url(), oauth2()));
  std::string shown;
  const auto note = [&](const Result<Response>& answer) {
    if (!answer) shown += answer.error().message + "\n";
  };
  note(caller.request("a", "GET", "/"));
  note(caller.request("b", "GET", "/"));
  write_registry(others +
                 service("a", door.url(), "auth = {type = \"bearer\", token = \"s3cret-2\"}\n"));
  ASSERT_TRUE(caller.reload());
  note(caller.request("a", "GET", "/"));
  write_registry(others + service("a", door.url(),
                                  "auth = {type = \"bearer\", token = \"s3cret-3\\u0001\"}\n"));
  if (const auto refused = caller.reload(); !refused) shown += refused.error().message + "\n";
  for (const ReloadRecord& record : caller.reloads()) {
    shown += record.message + "\n";
    for (const std::string& change : record.changes) shown += change + "\n";
  }
  for (const auto& setting : caller.explain("a", "get").value())
    shown += setting.key + "=" + setting.value + " " + setting.origin + "\n";
  shown += logged();
  EXPECT_NE(shown.find("auth.secret (hidden)"), std::string::npos) << shown;
  for (const char* secret : {"s3cret", "t0ken", "YXBwOnMzY3JldA", "bWU6czNjcmV0"})
    EXPECT_EQ(shown.find(secret), std::string::npos) << secret << " in\n" << shown;
}

}  // namespace
}  // namespace callerapi
