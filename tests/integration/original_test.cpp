// What the Python package did, one test a row, and none of its faults. Uploads of any size are in
// integration/bulk.py; every verb and body kind against the real httpbin in
// integration/pipe_httpbin.py.
#include <Poco/Logger.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include "callerapi/client.hpp"
#include "callerapi/plugin.hpp"
#include "support/scripted_server.hpp"

namespace files {

using namespace callerapi::dsl;

struct Entry {
  std::string name;
  double size = 0;
};
CALLERAPI_JSON(Entry, name, size)

/// One endpoint for each body kind, and a version of its own in place of the common one.
struct Files {
  static constexpr std::string_view id = "files", version = "1.0.0", owner = "tests";
  using api =
      endpoints<common, get<"list", "/v1/files", bytes, query<"folder">>,
                get<"version", "/v1/version", bytes>, post<"add", "/v1/files", Entry, Entry>,
                post<"tag", "/v1/tags", form, none>,
                post<"upload", "/v1/upload", multipart, none, query<"folder">>,
                patch<"rename", "/v1/files", Entry, none>, put<"fill", "/v1/fill", bytes, none>,
                del<"remove", "/v1/files", Entry, none>,
                callerapi::dsl::call<"find", "PROPFIND", "/v1/files", none, bytes>>;
};

}  // namespace files

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Options options_of(std::map<std::string, std::string> environment = {}) {
  Options options;
  options.static_plugins = {&static_plugin<files::Files>};
  options.environment = std::move(environment);
  return options;
}

std::string registry_of(const std::string& base_url) {
  return "schema = 1\n[services.files]\nplugin = \"static:files\"\nbase_url = \"" + base_url +
         "\"\n";
}

Caller caller_of(const ScriptedServer& server, const std::string& more = "") {
  return Caller::from_toml(registry_of(server.url()) + more, options_of()).value();
}

Script echo(const SeenRequest& r) {
  return {.bytes = support::ok(R"({"name":"echo","size":1})", "X-Method: " + r.method + "\r\n")};
}

TEST(PythonOriginal, ServicesAreCalledByNameOrByTypeAndATypoListsTheNearest) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  EXPECT_TRUE(caller.call("files", "list", Request{}.query("folder", "a")));
  EXPECT_TRUE(Client<files::Files>(caller).call<"list">("a"));
  EXPECT_EQ(caller.call("file", "list").error().message,
            "file: no such service; did you mean 'files'?");
  EXPECT_EQ(caller.call("files", "lst").error().message,
            "files.lst: no such endpoint; did you mean 'list'?");
}

TEST(PythonOriginal, OneConnectionIsReusedAndClosedAndDefaultUrlNamesTheService) {
  ScriptedServer server(echo);
  {
    Caller caller = Caller::from_toml(
                        "schema = 1\n[caller]\nprofile = \"local\"\n[profiles.local]\n"
                        "default_url = \"" +
                            server.url() +
                            "/{service}\"\n[services.files]\nplugin = "
                            "\"static:files\"\n",
                        options_of())
                        .value();
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(caller.call("files", "list", Request{}.query("folder", "a")));
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(server.connections_open(), 1);
  }
  EXPECT_EQ(server.requests().at(0).target, "/files/v1/files?folder=a");
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (server.connections_open() > 0 && std::chrono::steady_clock::now() < until) continue;
  EXPECT_EQ(server.connections_open(), 0) << "closing the Caller closes its connections";
}

TEST(PythonOriginal, AcceptAndPatienceAreThoseOfThePackageAndZeroIsZero) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server, "timeouts = \"python\"\n");

  ASSERT_TRUE(caller.call("files", "list", Request{}.query("folder", "a")));
  const auto zero = caller.call("files", "list", Request{}.query("folder", "a").timeout(0ms));

  EXPECT_NE(server.requests().at(0).head.find("\r\nAccept: application/json\r\n"),
            std::string::npos);
  const auto settings = caller.explain("files", "list").value();
  const auto value = [&](std::string_view key) {
    for (const SettingInfo& s : settings)
      if (s.key == key) return s.value;
    return std::string();
  };
  EXPECT_EQ(value("timeouts.total"), "5m");
  EXPECT_EQ(value("timeouts.read_idle"), "3m");
  ASSERT_FALSE(zero) << "the package took 0 for 'default'";
  EXPECT_EQ(zero.error().outcome, Outcome::invalid_argument);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(PythonOriginal, EveryVerbCarriesItsKindOfBodyAndAnUnknownMethodIsRefusedAtLoad) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);
  Client<files::Files> client(caller);
  Multipart parts;
  parts.field("title", "t").bytes("file", "a.txt", "abc");

  EXPECT_TRUE(client.call<"add">(files::Entry{"a", 1}));
  EXPECT_TRUE(client.call<"tag">(Request::Pairs{{"tag", "a b"}}));
  EXPECT_TRUE(client.call<"upload">("a/b&c", std::move(parts)));
  EXPECT_TRUE(client.call<"rename">(files::Entry{"b", 1}));
  EXPECT_TRUE(client.call<"fill">(Body::text("raw")));
  EXPECT_TRUE(client.call<"remove">(files::Entry{"c", 1}));
  EXPECT_TRUE(client.call<"find">());

  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 7u);
  EXPECT_EQ(seen[0].body, R"({"name":"a","size":1})");
  EXPECT_EQ(seen[1].body, "tag=a+b");
  EXPECT_EQ(seen[2].target, "/v1/upload?folder=a%2Fb%26c") << "the package glued queries in raw";
  EXPECT_NE(seen[2].body.find("filename=\"a.txt\""), std::string::npos);
  EXPECT_EQ(seen[3].method, "PATCH");
  EXPECT_EQ(seen[4].body, "raw");
  EXPECT_EQ(seen[5].method + seen[5].body, R"(DELETE{"name":"c","size":1})");
  EXPECT_EQ(seen[6].method, "PROPFIND");

  capi_plugin unknown = static_plugin<files::Files>;
  capi_endpoint row = unknown.endpoints[0];
  row.method = {"FE TCH", 6};
  unknown.endpoints = &row;
  unknown.n_endpoints = 1;
  Options options = options_of();
  options.static_plugins = {&unknown};
  const auto refused = Caller::from_toml(registry_of(server.url()), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::plugin_rejected);
}

TEST(PythonOriginal, ModelsAreTypesAndWhatDoesNotFitNamesThePlace) {
  ScriptedServer server([](const SeenRequest& r) {
    return r.body.find("bad") == std::string::npos
               ? echo(r)
               : Script{.bytes = support::ok(R"({"name":"x","size":"big"})")};
  });
  Caller caller = caller_of(server);
  Client<files::Files> client(caller);

  EXPECT_EQ(client.call<"add">(files::Entry{"a", 1}).value().name, "echo");
  const auto bad = client.call<"add">(files::Entry{"bad", 1});
  const auto infinite = client.call<"add">(files::Entry{"a", INFINITY});

  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().outcome, Outcome::decode_error);
  EXPECT_EQ(bad.error().message, "files.add: /size: expected a number, got a string");
  ASSERT_FALSE(infinite);
  EXPECT_EQ(
      infinite.error().message,
      "files.add: the JSON body holds a number that is infinite or NaN, or a time outside the "
      "years 1678 to 2261");
  EXPECT_EQ(server.requests().size(), 2u) << "what cannot be said in JSON is never sent";
}

TEST(PythonOriginal, CommonEndpointsAreMixedInAndMayBeReplaced) {
  ScriptedServer server(echo);
  Caller caller = caller_of(server);

  EXPECT_TRUE(Client<files::Files>(caller).call<"health">());
  EXPECT_TRUE(caller.call("files", "version"));

  EXPECT_EQ(server.requests().at(0).target, "/health");
  EXPECT_EQ(server.requests().at(1).target, "/v1/version");
}

TEST(PythonOriginal, UrlsComeFromTheEnvironmentAndNothingFallsBackToLocalhost) {
  const auto url = [](const std::string& text, std::map<std::string, std::string> environment) {
    auto caller = Caller::from_toml(text, options_of(std::move(environment)));
    return caller ? caller->services().at(0).base_url : caller.error().message;
  };
  const std::string plain = "[services.files]\nplugin = \"static:files\"\n";
  const std::string python =
      "schema = 1\n[caller]\npython_env = true\n[profiles.prod]\n"
      "default_url = \"http://{service}.prod.test\"\n" +
      plain;

  EXPECT_EQ(url(python, {{"FILES_URL", "http://own.test"}}), "http://own.test");
  EXPECT_EQ(url(python, {{"DEPLOY", "1"}}), "http://files.prod.test");
  EXPECT_EQ(url(registry_of("${FILES:-http://fallback.test}"), {}), "http://fallback.test");
  EXPECT_EQ(url(registry_of("http://a.test"),
                {{"CALLERAPI_SERVICES__FILES__BASE_URL", "http://override.test"}}),
            "http://override.test");
  EXPECT_NE(url(registry_of("${FILES:?set FILES}"), {}).find("set FILES"), std::string::npos);
  EXPECT_NE(url("schema = 1\n" + plain, {}).find("base_url"), std::string::npos)
      << "a service without a URL is an error, not localhost";
}

TEST(PythonOriginal, AStatusErrorIsAValueWithEverythingTheServiceSaid) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = support::status(422, R"({"title":"bad name","detail":"empty"})",
                                           "Content-Type: application/problem+json\r\n")};
  });
  Caller caller = caller_of(server);

  const auto refused = Client<files::Files>(caller).call<"add">(files::Entry{});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 422);
  EXPECT_EQ(refused.error().attempts, 1);
  EXPECT_EQ(refused.error().detail->title, "bad name");
  EXPECT_EQ(refused.error().detail->detail, "empty");
  EXPECT_EQ(refused.error().detail->body_excerpt, R"({"title":"bad name","detail":"empty"})");
  EXPECT_EQ(refused.error().condition(), Condition::rejected);
}

/// Standard output and error go to a file for as long as it lives.
class Captured {
 public:
  Captured() {
    std::fflush(nullptr);
    file_ = std::tmpfile();
    for (int fd : {1, 2}) {
      saved_[fd - 1] = ::dup(fd);
      ::dup2(::fileno(file_), fd);
    }
  }
  ~Captured() {
    restore();
    std::fclose(file_);
  }
  /// Bytes written so far; ends the capture.
  long bytes() {
    std::fflush(nullptr);
    restore();
    return static_cast<long>(::lseek(::fileno(file_), 0, SEEK_END));
  }

 private:
  void restore() {
    for (int fd : {1, 2})
      if (saved_[fd - 1] >= 0) {
        ::dup2(saved_[fd - 1], fd);
        ::close(saved_[fd - 1]);
        saved_[fd - 1] = -1;
      }
  }
  std::FILE* file_ = nullptr;
  int saved_[2] = {-1, -1};
};

TEST(PythonOriginal, TheLibraryWritesNowhereAndTouchesNobodysLogger) {
  ScriptedServer server(echo);
  Poco::Logger::root().setLevel(Poco::Message::PRIO_TRACE);
  long written = -1;
  {
    Captured captured;
    Caller caller = caller_of(server);
    (void)caller.call("files", "list", Request{}.query("folder", "a"));
    (void)caller.call("files", "nothing");
    (void)Caller::from_toml("schema = 2\n", options_of());
    written = captured.bytes();
  }
  EXPECT_EQ(written, 0);
  EXPECT_EQ(Poco::Logger::root().getLevel(), Poco::Message::PRIO_TRACE);
}

}  // namespace
}  // namespace callerapi
