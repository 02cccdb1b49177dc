#include <gtest/gtest.h>

#include <string>

#include "callerapi/client.hpp"
#include "callerapi/plugin.hpp"
#include "support/scripted_server.hpp"

namespace pages {

using namespace callerapi::dsl;

struct Pages {
  static constexpr std::string_view id = "pages", version = "1.0.0", owner = "team";
  using api = endpoints<get<"next", "{location}", bytes, location<"location">, opt<"limit", int>>>;
};

}  // namespace pages

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

struct Location : ::testing::Test {
  ScriptedServer server{[](const SeenRequest&) { return Script{.bytes = support::ok("page")}; }};
  Caller caller = [this] {
    Options options;
    options.static_plugins = {&static_plugin<pages::Pages>};
    options.environment.emplace();
    return Caller::from_toml(
               "schema = 1\n[services.pages]\nplugin = \"static:pages\"\nbase_url = \"" +
                   server.url() + "/prefix\"\n",
               std::move(options))
        .value();
  }();
  Client<pages::Pages> client{caller};

  std::string sent(const std::string& location) {
    const auto answer = client.call<"next">(location);
    return answer ? server.requests().back().target : answer.error().message;
  }
};

TEST_F(Location, AUrlOfTheServiceIsSentAsItStands) {
  EXPECT_EQ(sent("/v2/a%2Fb?_state=x%3D&y"), "/v2/a%2Fb?_state=x%3D&y");
  EXPECT_EQ(sent(server.url() + "/v2/c?d#e"), "/v2/c?d");
  EXPECT_EQ(sent("HTTP" + server.url().substr(4)), "/");
  EXPECT_EQ(sent(server.url() + "?page=2"), "/?page=2");
  ASSERT_TRUE(client.call<"next">("/v2/a?b=c", with<"limit">(3)));
  EXPECT_EQ(server.requests().back().target, "/v2/a?b=c&limit=3");
}

TEST_F(Location, AUrlOfAnotherOriginIsNeverAsked) {
  const std::string end = "' is not of " + server.url() +
                          "; give a URL of that origin, or one that begins with a single '/'";
  for (const std::string url : {"http://other.test/v2/x", "https://127.0.0.1/v2/x",
                                "//other.test/x", "v2/x", "", "http://user@127.0.0.1/x"})
    EXPECT_NE(sent(url).find(end), std::string::npos) << url << ": " << sent(url);
  EXPECT_EQ(sent(server.url() + ".other.test/x"),
            "pages.next: the location '" + server.url() + ".other.test" + end);
  EXPECT_EQ(sent("http://user:secret@other.test/x").find("secret"), std::string::npos);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Location, BytesThatNoUrlHoldsAreRefused) {
  EXPECT_EQ(sent("/a b"), "pages.next: the location holds bytes that no URL holds as they are");
  EXPECT_EQ(sent("/a\r\nX: y"),
            "pages.next: the location holds bytes that no URL holds as they are");
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace callerapi
