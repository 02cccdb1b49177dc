// P9: a credential goes where it was configured to go, and nowhere else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "promises/support.hpp"

namespace callerapi::promises {
namespace {

using support::Peer;
using support::RawServer;

/// Answers everything, redirects /away, and keeps every head with the number of its connection.
class Recorder {
 public:
  explicit Recorder(std::string elsewhere = "")
      : elsewhere_(std::move(elsewhere)), server_([this](Peer& peer) { serve(peer); }) {}

  std::string url() const { return server_.url(); }
  int accepted() const { return server_.accepted(); }
  std::vector<std::string> heads() {
    std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  void serve(Peer& peer) {
    for (std::string head; !(head = peer.read_until("\r\n\r\n")).empty();) {
      const bool away = head.find(" /away") != std::string::npos;
      {
        std::lock_guard lock(mutex_);
        heads_.push_back(std::move(head));
      }
      peer.send(away ? "HTTP/1.1 307 Go\r\nLocation: " + elsewhere_ +
                           "/stolen\r\nContent-Length: 0\r\n\r\n"
                     : "HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n");
    }
  }

  const std::string elsewhere_;
  std::mutex mutex_;
  std::vector<std::string> heads_;  // protected by mutex_
  RawServer server_;
};

std::string service(const std::string& name, const std::string& url, const std::string& more) {
  return "[services." + name + "]\nplugin = \"static:echo\"\nbase_url = \"" + url + "\"\n" + more;
}

Options options() {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return options;
}

bool holds(const std::vector<std::string>& heads, std::string_view text) {
  for (const std::string& head : heads)
    if (head.find(text) != std::string::npos) return true;
  return false;
}

TEST(P9Credentials, ARedirectIsAnAnswerAndNothingIsSentToWhereItPoints) {
  Recorder thief;
  Recorder server(thief.url());
  Caller caller =
      Caller::from_toml("schema = 1\n" + service("a", server.url(),
                                                 "headers.Authorization = \"Bearer s3cret\"\n"),
                        options())
          .value();

  const auto answer = caller.request("a", "GET", "/away");

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  EXPECT_TRUE(holds(server.heads(), "Bearer s3cret"));
  EXPECT_EQ(thief.accepted(), 0);
}

TEST(P9Credentials, TwoServicesAtOneHostShareNeitherConnectionNorHeaderNorCookie) {
  Recorder server;
  Caller caller =
      Caller::from_toml(
          "schema = 1\n" + service("a", server.url(), "headers.Authorization = \"Bearer of-a\"\n") +
              service("b", server.url(), ""),
          options())
          .value();

  ASSERT_TRUE(caller.request("a", "GET", "/a"));
  ASSERT_TRUE(caller.request("b", "GET", "/b"));

  EXPECT_EQ(server.accepted(), 2);
  for (const std::string& head : server.heads()) {
    EXPECT_EQ(head.find("Bearer of-a") != std::string::npos, head.starts_with("GET /a")) << head;
    EXPECT_EQ(head.find("Cookie"), std::string::npos) << "cookies are not kept";
  }
}

/// Each value that decides a connection, changed alone between two calls: the second call comes on
/// a new connection. One that decides none keeps it.
TEST(P9Credentials, AChangedConnectionSettingNeverMeetsAnOldConnection) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("callerapi-p9-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  Recorder server, other;
  const auto file = folder / "registry.toml";
  const auto write = [&](const std::string& text) {
    std::ofstream(file) << "schema = 1\n" << text;
    std::filesystem::permissions(file, std::filesystem::perms(0644));
  };
  struct Change {
    const char* what;
    std::string url, more;
    bool new_connection;
  };
  const std::vector<Change> changes = {
      {"nothing", server.url(), "", false},
      {"a header", server.url(), "headers.Authorization = \"Bearer two\"\n", false},
      {"a time-out of calls", server.url(), "timeouts.total = \"7s\"\n", false},
      {"retry", server.url(), "retry.max_attempts = 1\n", false},
      {"the size of the pool", server.url(), "pool.connections_max = 7\n", true},
      {"connect time-out", server.url(), "timeouts.connect = \"7s\"\n", true},
      {"the address", other.url(), "", true},
  };
  for (const Change& change : changes) {
    write(service("a", server.url(), ""));
    Options quiet = options();
    quiet.watch = false;
    Caller caller = Caller::open(file, std::move(quiet)).value();
    const int before = server.accepted() + other.accepted();
    ASSERT_TRUE(caller.request("a", "GET", "/first"));

    write(service("a", change.url, change.more));
    ASSERT_TRUE(caller.reload()) << change.what;
    ASSERT_TRUE(caller.request("a", "GET", "/second"));

    EXPECT_EQ(server.accepted() + other.accepted() - before, change.new_connection ? 2 : 1)
        << change.what;
  }
  std::filesystem::remove_all(folder);
}

/// What is secret in a registry is in no error, no listing and no explanation.
TEST(P9Credentials, SecretsAreShownNowhere) {
  Recorder server;
  const std::string secret = "c4n4ry";
  Options with_secret = options();
  with_secret.environment = {{"TOKEN", secret}};
  std::string logged;
  with_secret.log = [&](const LogRecord& record) { logged.append(record.message).append("\n"); };
  Caller caller =
      Caller::from_toml("schema = 1\n" + service("a", server.url(),
                                                 "headers.Authorization = \"Bearer ${TOKEN}\"\n"
                                                 "headers.X-Api-Key = \"" +
                                                     secret +
                                                     "\"\n"
                                                     "config = { token = \"" +
                                                     secret + "\" }\n"),
                        std::move(with_secret))
          .value();

  std::string shown = logged;
  for (const SettingInfo& setting : caller.explain("a", "get").value())
    shown += setting.value + "\n";
  for (const ServiceInfo& info : caller.services()) shown += info.base_url + "\n";
  for (auto&& refused :
       {caller.call("a", "get", Request{}.path("id", secret + "\n")), caller.call("a", "gett"),
        caller.call("a", "get", Request{}.path("id", "1").header("X", secret + "\r")),
        caller.request("a", "GET", "/" + secret + " "),
        caller.call("a", "get", Request{}.path("id", "1").query("token", secret + "\x01"))}) {
    ASSERT_FALSE(refused);
    shown += refused.error().message + "\n";
  }

  EXPECT_EQ(shown.find(secret), std::string::npos) << shown;
  ASSERT_TRUE(caller.call("a", "get", Request{}.path("id", "1")));
  EXPECT_TRUE(holds(server.heads(), "Bearer " + secret));
}

}  // namespace
}  // namespace callerapi::promises
