#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "callerapi/caller.hpp"
#include "support/echo_caller.hpp"
#include "support/exposition.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& one, const ScriptedServer& other) {
  return support::echo_caller(one.url(),
                              "instances = [\"" + one.url() + "\", \"" + other.url() +
                                  "\"]\n[services.echo.balance]\npolicy = \"round_robin\"\n"
                                  "[services.echo.hedge]\nmax = 1\nmax_extra = \"50%\"\n");
}

Response get(Caller& caller, const std::string& path) {
  return caller.request("echo", "GET", path, Request{}.timeout(20s)).value();
}

TEST(Hedge, AnInstanceThatSaysNothingCostsALittleTimeAndNoCall) {
  const auto answer = [](const SeenRequest&) { return Script{.bytes = support::ok("here")}; };
  ScriptedServer good(answer);
  ScriptedServer mute([&](const SeenRequest& request) {
    return request.target == "/hard" ? Script{} : answer(request);
  });
  Caller caller = caller_of(good, mute);
  // How long calls take must be known, and is reckoned every three seconds.
  const auto until = std::chrono::steady_clock::now() + 4s;
  while (std::chrono::steady_clock::now() < until) get(caller, "/easy");
  const auto before = caller.stats();

  std::vector<Call<Response>> waiting;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(get(caller, "/hard").body, "here");
    waiting.push_back(caller.start_request("echo", "GET", "/hard", Request{}.timeout(20s)));
  }
  for (auto& call : waiting) EXPECT_EQ(std::move(call).get().value().body, "here");

  const auto after = caller.stats();
  EXPECT_GE(after.hedges - before.hedges, 5u);
  EXPECT_EQ(after.calls - before.calls, 20u) << "a second request is no second call";
  EXPECT_EQ(after.calls_failed, 0u);
  const auto seen = support::read_exposition(caller.metrics_text());
  const auto of = [&](const std::string& what) {
    return seen.value("callerapi_hedge_" + what + "_total{service=\"echo\"}");
  };
  EXPECT_EQ(of("sent"), static_cast<double>(after.hedges));
  EXPECT_GE(of("won"), 5);
  EXPECT_LE(of("won"), of("sent"));
  EXPECT_GE(of("denied"), 0);
}

}  // namespace
}  // namespace callerapi
