#include "callerapi/pages.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server) {
  return support::echo_caller(server.url() + "/base", "[services.echo.retry]\nmax_attempts = 1\n");
}

Pages pages_of(Caller& caller) {
  return {caller, "echo", "get", Request{}.path("id", "1").header("X-Page", "yes")};
}

std::vector<std::string> targets(const ScriptedServer& server) {
  std::vector<std::string> all;
  for (const SeenRequest& request : server.requests()) all.push_back(request.target);
  return all;
}

Script linking(const SeenRequest& request) {
  if (request.target.find("p=3") != std::string::npos) return {.bytes = support::ok("last")};
  const bool second = request.target.find("p=2") != std::string::npos;
  return {.bytes = support::ok("page", std::string("Link: </base/items/1?p=") +
                                           (second ? "3" : "2") + ">; rel=\"next\"\r\n")};
}

TEST(Pages, FollowsLinksToTheLastPage) {
  ScriptedServer server(linking);
  Caller caller = caller_of(server);
  std::vector<std::string> bodies;

  for (Result<Response>& page : pages_of(caller)) bodies.push_back(page.value().body);

  EXPECT_EQ(bodies, (std::vector<std::string>{"page", "page", "last"}));
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(targets(server)[1], "/base/items/1?p=2");
  EXPECT_NE(server.requests()[2].head.find("X-Page: yes"), std::string::npos);
}

TEST(Pages, ALinkHasAQueryOfItsOwnAndThatOfTheFirstRequestIsNotSentBehindIt) {
  ScriptedServer server(linking);
  Caller caller = caller_of(server);
  Pages pages(caller, "echo", "get", Request{}.path("id", "1").query("size", "9"));
  while (pages.next().value()) {
  }
  EXPECT_EQ(targets(server), (std::vector<std::string>{"/base/echo/1?size=9", "/base/items/1?p=2",
                                                       "/base/items/1?p=3"}));
}

TEST(Pages, FollowsCursorsInTheBody) {
  ScriptedServer server([](const SeenRequest& request) {
    const bool last = request.target.find("after=b") != std::string::npos;
    const bool first = request.target.find("after=") == std::string::npos;
    return Script{.bytes = support::ok(last ? "" : first ? "a" : "b")};
  });
  Caller caller = caller_of(server);
  Pages pages(caller, "echo", "get", Request{}.path("id", "1").query("size", "9"), "after",
              [](const Response& page) {
                return page.body.empty() ? std::nullopt : std::optional(page.body);
              });
  int count = 0;
  while (pages.next().value()) ++count;

  EXPECT_EQ(count, 3);
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_TRUE(targets(server)[2].ends_with("?size=9&after=b")) << targets(server)[2];
}

TEST(Pages, ALinkToAnotherOriginIsNotFollowed) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = support::ok("", "Link: <http://evil.example/x>; rel=next\r\n")};
  });
  Caller caller = caller_of(server);
  Pages pages = pages_of(caller);
  ASSERT_TRUE(pages.next());

  const auto second = pages.next();

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "location_origin");
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(pages.next().value(), std::nullopt) << "after an error it is over";
}

TEST(Pages, ALinkThatIsNotFollowedShowsNothingBeforeItsLastAt) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{
        .bytes = support::ok("", "Link: <http://user:pa@ss/wo#rd@evil.example/x>; rel=next\r\n")};
  });
  Caller caller = caller_of(server);
  Pages pages = pages_of(caller);
  ASSERT_TRUE(pages.next());
  const auto second = pages.next();
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("the location 'evil.example' is not of"), std::string::npos)
      << second.error().message;
}

TEST(Pages, APageThatLeadsToItselfEndsIt) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = support::ok("", "Link: </base/again>; rel=next\r\n")};
  });
  Caller caller = caller_of(server);
  std::string said;
  for (Result<Response>& page : pages_of(caller))
    if (!page) said = page.error().message;
  EXPECT_EQ(said, "echo.get: page 2 leads to itself");
}

TEST(Pages, AnEndlessListingIsBounded) {
  int served = 0;
  ScriptedServer server([&](const SeenRequest&) {
    return Script{
        .bytes = support::ok("", "Link: </base/" + std::to_string(++served) + ">; rel=next\r\n")};
  });
  Caller caller = caller_of(server);
  std::string said;
  for (Result<Response>& page : pages_of(caller).pages_max(3))
    if (!page) said = page.error().message;
  EXPECT_EQ(said,
            "echo.get: still goes on after 3 pages; raise pages_max() if the listing is that long");
}

TEST(Pages, ARefusedPageIsAnError) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::status(403)}; });
  Caller caller = caller_of(server);
  Pages pages = pages_of(caller);

  const auto first = pages.next();

  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().outcome, Outcome::http_status);
  EXPECT_EQ(first.error().message, "echo.get: page 1: HTTP 403 after 1 attempt");
  EXPECT_GT(first.error().time.total(), Duration::zero());
}

}  // namespace
}  // namespace callerapi
