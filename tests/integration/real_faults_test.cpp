// Acceptance on real sockets: what a broken connection and a broken answer are called.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

struct Fault {
  const char* label;
  Script script;
  Outcome outcome;
};
class S19N20 : public ::testing::TestWithParam<Fault> {};

TEST_P(S19N20, IsOneRowOfTheTable) {
  ScriptedServer server([](const SeenRequest&) { return GetParam().script; });
  Caller caller = support::echo_caller(
      server.url(), "retry.max_attempts = 1\ntimeouts = { read_idle = \"100ms\" }\n");

  const auto result = caller.request("echo", "GET", "/");

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, GetParam().outcome) << result.error().message;
  EXPECT_NE(result.error().sent, Sent::no);
}

const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    , S19N20,
    ::testing::Values(
        Fault{"reset", {.bytes = "", .reset = true}, Outcome::connection_reset},
        Fault{"empty", {.bytes = "", .close = true}, Outcome::connection_reset},
        Fault{"malformed_chunk", {.bytes = chunked + "lots\r\n"}, Outcome::protocol_error},
        Fault{"random_data",
              {.bytes = "\x16\x03\x01 nonsense\r\n\r\n", .close = true},
              Outcome::protocol_error},
        Fault{"cut_short",
              {.bytes = chunked + "5\r\nab", .close = true},
              Outcome::response_truncated},
        Fault{"dribble_that_dries_up",
              {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", .piecewise = true},
              Outcome::attempt_timeout}),
    [](const auto& one) { return one.param.label; });

/// Closes a kept connection in place of answering its second request.
class S19N2 : public ::testing::Test {
 protected:
  std::atomic<int> asked_{0};
  ScriptedServer server_{[this](const SeenRequest&) {
    return ++asked_ == 2 ? Script{.bytes = "", .close = true} : Script{.bytes = support::ok("")};
  }};
  Caller caller_ = support::echo_caller(server_.url());
};

TEST_F(S19N2, AGetOnAConnectionThatTurnsOutStaleIsRepeatedForNothing) {
  ASSERT_TRUE(caller_.request("echo", "GET", "/"));

  const auto second = caller_.request("echo", "GET", "/");

  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->attempts, 2);
  EXPECT_NE(caller_.metrics_text().find("callerapi_budget_balance{service=\"echo\"} 10\n"),
            std::string::npos)
      << "a stale connection costs no budget";
}

TEST_F(S19N2, APostOfWhichBytesLeftIsNot) {
  ASSERT_TRUE(caller_.request("echo", "GET", "/"));

  const auto second = caller_.request("echo", "POST", "/", Request{}.json_text("{}"));

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().outcome, Outcome::stale_connection);
  EXPECT_EQ(second.error().sent, Sent::maybe);
  EXPECT_EQ(second.error().attempts, 1);
  EXPECT_EQ(asked_, 2);
}

}  // namespace
}  // namespace callerapi
