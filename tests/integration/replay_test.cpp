// Semantics S19, test 14: a request body that can be read only once is kept up to
// retry.replay_buffer, so that a retry sends the same bytes again.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/multipart.hpp"
#include "support/echo_caller.hpp"
#include "support/read_once.hpp"
#include "support/scripted_server.hpp"

namespace callerapi {
namespace {

using support::read_once;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;
using support::varied_bytes;

const std::string quick = "retry.base = \"1ms\"\nretry.cap = \"1ms\"\n";

/// Answers 503 to the first request and 200 to all others.
class BusyOnce {
 public:
  std::string url() const { return server_.url(); }
  std::vector<SeenRequest> requests() const { return server_.requests(); }

 private:
  int seen_ = 0;  // the server's thread only
  ScriptedServer server_{[this](const SeenRequest&) {
    return Script{.bytes = seen_++ == 0 ? support::status(503) : support::ok("done")};
  }};
};

Result<Response> put(Caller& caller, Body body, bool blocking = true) {
  auto request = Request{}.path("id", "1").explain().body(std::move(body));
  return blocking ? caller.call("echo", "put", std::move(request))
                  : caller.start("echo", "put", std::move(request)).get();
}

std::string_view stop_reason(const Result<Response>& answer) {
  return answer->record->attempts.back().stop_reason;
}

struct Way {
  bool blocking, sized;
};
constexpr Way ways[] = {{true, false}, {true, true}, {false, false}, {false, true}};

TEST(S19, N14_ABodyReadOnceOf65536BytesIsRetriedWithTheSameBytes) {
  for (const auto& [blocking, sized] : ways) {
    BusyOnce server;
    Caller caller = support::echo_caller(server.url(), quick);
    const std::string bytes = varied_bytes(65'536);

    const auto answer = put(caller, read_once(bytes, sized), blocking);

    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    const auto seen = server.requests();
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_TRUE(seen[0].body == bytes && seen[1].body == bytes);
    EXPECT_EQ(seen[1].head.find("Transfer-Encoding: chunked") == std::string::npos, sized)
        << "framed as the first time";
  }
}

TEST(S19, N14_OneByteMoreIsNotRetried) {
  for (const auto& [blocking, sized] : ways) {
    BusyOnce server;
    Caller caller = support::echo_caller(server.url(), quick);

    const auto answer = put(caller, read_once(varied_bytes(65'537), sized), blocking);

    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->attempts, 1);
    EXPECT_EQ(stop_reason(answer), "body_not_replayable");
    EXPECT_EQ(caller.stats().retries_denied, 0u);
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST(S19, N14_ABodyWhoseConnectionWasResetIsSentAgain) {
  int seen = 0;
  ScriptedServer server([&](const SeenRequest&) {
    return seen++ == 0 ? Script{.reset = true} : Script{.bytes = support::ok("done")};
  });
  Caller caller = support::echo_caller(server.url(), quick);
  const std::string bytes = varied_bytes(50'000);

  const auto answer = put(caller, read_once(bytes));

  ASSERT_TRUE(answer) << answer.error().message;
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests.back().body == bytes);
}

TEST(Replay, TheRegistrySaysHowMuchIsKeptAtEveryLevel) {
  BusyOnce server, other;
  Caller small = support::echo_caller(server.url(), quick + "retry.replay_buffer = \"9B\"\n");
  EXPECT_EQ(stop_reason(put(small, read_once("0123456789"))), "body_not_replayable");

  Caller endpoint = support::echo_caller(
      other.url(), quick +
                       "retry.replay_buffer = \"9B\"\n[services.echo.endpoints.put]\n"
                       "retry.replay_buffer = \"10B\"\n");
  EXPECT_EQ(put(endpoint, read_once("0123456789"))->status, 200);
  const auto settings = endpoint.explain("echo", "put").value();
  const auto found = std::ranges::find(settings, "retry.replay_buffer", &SettingInfo::key);
  ASSERT_NE(found, settings.end());
  EXPECT_EQ(found->value, "10B");
  EXPECT_EQ(found->origin, "registry:9");
}

TEST(Replay, WhereNothingIsRetriedNothingIsKept) {
  // 421 asks for another connection, which max_attempts does not count.
  int seen = 0;
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = seen++ == 0 ? support::status(421) : support::ok("done")};
  });
  Caller caller = support::echo_caller(server.url(), quick + "retry.max_attempts = 1\n");

  const auto answer = put(caller, read_once("0123456789"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 421);
  EXPECT_EQ(stop_reason(answer), "body_not_replayable");
}

TEST(Replay, AnAnswerThatHasBegunToReachItsSinkIsTheReason) {
  struct Sink final : BodySink {
    bool write(std::span<const char>) override { return true; }
  };
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .close = true};
  });
  Caller caller = support::echo_caller(server.url(), quick);

  const auto answer = caller.call(
      "echo", "put",
      Request{}.path("id", "1").body(read_once("0123456789")).into(std::make_shared<Sink>()));

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().record->attempts.back().stop_reason, "committed");
}

TEST(Replay, CodedBodiesAndPartsReadOnceAreKeptToo) {
  BusyOnce coding, parted;
  Caller caller = support::echo_caller(coding.url(), quick + "request.gzip = true\n");
  ASSERT_EQ(put(caller, read_once(varied_bytes(70'000)))->status, 200)
      << "the limit is of what is sent";
  auto seen = coding.requests();
  EXPECT_NE(seen[1].head.find("Content-Encoding: gzip"), std::string::npos);
  EXPECT_LT(seen[1].body.size(), 65'536u);
  EXPECT_TRUE(seen[0].body == seen[1].body);

  Caller plain = support::echo_caller(parted.url(), quick);
  Multipart parts;
  parts.field("a", "1").part({"g", "g.bin", "", read_once(varied_bytes(20'000))});
  const auto answer = plain.request("echo", "PUT", "/parts", Request{}.multipart(std::move(parts)));
  ASSERT_EQ(answer->status, 200);
  seen = parted.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_GT(seen[0].body.size(), 20'000u);
  EXPECT_TRUE(seen[0].body == seen[1].body);
}

}  // namespace
}  // namespace callerapi
