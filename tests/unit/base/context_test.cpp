#include "callerapi/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/inbound.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint received(1h);
constexpr std::string_view traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Context of(std::initializer_list<Headers::Field> fields, const InboundOptions& options = {}) {
  Headers headers;
  for (const auto& field : fields) headers.add(field.name, field.value);
  return Context::from_headers(headers, received, options);
}

struct TimeoutCase {
  const char* name;
  std::string value;
  Duration left;  ///< 0: unreadable.
};

TEST(Context, ReadsEveryFormOfATimeoutAndRefusesWhatIsNone) {
  const TimeoutCase cases[] = {
      {"Caller-Timeout-Ms", "1500", 1500ms},
      {"caller-timeout-ms", "1", 1ms},
      {"Caller-Timeout-Ms", "0", 0ns},
      {"Caller-Timeout-Ms", "-5", 0ns},
      {"Caller-Timeout-Ms", "+5", 0ns},
      {"Caller-Timeout-Ms", " 5", 0ns},
      {"Caller-Timeout-Ms", "5 ", 0ns},
      {"Caller-Timeout-Ms", "5.0", 0ns},
      {"Caller-Timeout-Ms", "5,6", 0ns},
      {"Caller-Timeout-Ms", "0x10", 0ns},
      {"Caller-Timeout-Ms", "1e3", 0ns},
      {"Caller-Timeout-Ms", "", 0ns},
      {"Caller-Timeout-Ms", "ms", 0ns},
      {"Caller-Timeout-Ms", std::string("5\0", 2), 0ns},
      {"Caller-Timeout-Ms", "\xd9\xa5", 0ns},
      {"Caller-Timeout-Ms", "9223372036854775807", 24h * 365},
      {"Caller-Timeout-Ms", std::string(10'000, '9'), 24h * 365},
      {"x-envoy-expected-rq-timeout-ms", "250", 250ms},
      {"x-envoy-expected-rq-timeout-ms", "0", 0ns},
      {"Connect-Timeout-Ms", "10000", 10s},
      {"Connect-Timeout-Ms", "ten", 0ns},
      {"grpc-timeout", "2H", 2h},
      {"grpc-timeout", "3M", 3min},
      {"grpc-timeout", "4S", 4s},
      {"grpc-timeout", "5m", 5ms},
      {"grpc-timeout", "6u", 6us},
      {"grpc-timeout", "7n", 7ns},
      {"grpc-timeout", "99999999H", 24h * 365},
      {"grpc-timeout", "100000000n", 0ns},
      {"grpc-timeout", "0S", 0ns},
      {"grpc-timeout", "S", 0ns},
      {"grpc-timeout", "5", 0ns},
      {"grpc-timeout", "5s", 0ns},
      {"grpc-timeout", "-5S", 0ns},
      {"grpc-timeout", "5 S", 0ns},
  };
  for (const TimeoutCase& c : cases) {
    SCOPED_TRACE(std::string(c.name) + ": " + c.value.substr(0, 30));
    const Context context = of({{c.name, c.value}});
    EXPECT_EQ(context.deadline, c.left > 0ns ? received + c.left : no_deadline);
    EXPECT_EQ(context.ignored, c.left > 0ns ? 0 : 1);
  }
}

TEST(Context, TheNearestDeadlineCountsAndSaysWhereItCameFrom) {
  const Context context = of({{"Connect-Timeout-Ms", "900"},
                              {"grpc-timeout", "300m"},
                              {"x-envoy-expected-rq-timeout-ms", "500"},
                              {"Caller-Timeout-Ms", "700"},
                              {"Caller-Timeout-Ms", "never"}});

  EXPECT_EQ(context.deadline, received + 300ms);
  EXPECT_EQ(context.deadline_from, "grpc-timeout");
  EXPECT_EQ(context.ignored, 1) << "the unreadable one spoils no other";
}

TEST(Context, WhatIsUnreadableIsCountedForTheProcess) {
  const auto before = base::inbound_ignored();
  of({{"Caller-Timeout-Ms", "x"}, {"traceparent", "x"}, {"Caller-Attempts-Left", "x"}});
  EXPECT_EQ(base::inbound_ignored() - before, 3u);
}

TEST(Context, TakesATraceparentOfVersion00AndNothingElse) {
  const Context context =
      of({{"traceparent", traceparent}, {"tracestate", "a=1"}, {"tracestate", "b=2"}});
  ASSERT_TRUE(context.trace);
  EXPECT_EQ(context.trace->state, "a=1,b=2");
  EXPECT_EQ(context.trace->flags, 1);
  const auto sent = context.trace->traceparent(0x00f067aa0ba902b7);
  EXPECT_EQ(std::string_view(sent.data(), sent.size()),
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");

  const std::string text(traceparent);
  const auto with = [&](std::size_t at, std::string_view bytes) {
    return std::string(text).replace(at, bytes.size(), bytes);
  };
  const std::string refused[] = {"",
                                 text.substr(0, 54),
                                 text + "0",
                                 text + "-00",
                                 " " + text,
                                 with(0, "01"),
                                 with(0, "ff"),
                                 with(3, "0AF7"),
                                 with(3, "0ag7"),
                                 with(3, std::string(32, '0')),
                                 with(36, std::string(16, '0')),
                                 with(2, "_"),
                                 with(35, "_"),
                                 with(52, "_"),
                                 with(53, "0g"),
                                 with(53, "-1"),
                                 with(10, std::string_view("\r\n", 2)),
                                 with(10, std::string_view("\0", 1))};
  for (const std::string& one : refused) {
    SCOPED_TRACE(one);
    const Context none = of({{"traceparent", one}, {"tracestate", "a=1"}});
    EXPECT_FALSE(none.trace);
    EXPECT_EQ(none.ignored, 1);
  }
}

TEST(Context, FlagsThatNobodyKnowsAreNotHandedOn) {
  const auto sent = [](std::string_view flags) {
    const auto trace = Trace::parse(std::string(traceparent.substr(0, 53)).append(flags));
    const auto text = trace.value().traceparent(1);
    return std::string(text.end() - 2, text.end());
  };
  EXPECT_EQ(sent("ff"), "01");
  EXPECT_EQ(sent("fe"), "00");
  EXPECT_EQ(sent("01"), "01");
}

TEST(Context, TwoParentsAreNoParent) {
  const Context context = of({{"traceparent", traceparent}, {"traceparent", traceparent}});
  EXPECT_FALSE(context.trace);
  EXPECT_EQ(context.ignored, 1);
}

TEST(Context, ATracestateThatCannotBeSentOnIsDroppedAndTheTraceKept) {
  for (const std::string& state : {std::string("a=1\r\nEvil: 1"), std::string("a=\0", 3),
                                   std::string("a=\x80"), "a=" + std::string(511, 'x')}) {
    const Context context = of({{"traceparent", traceparent}, {"tracestate", state}});
    ASSERT_TRUE(context.trace);
    EXPECT_TRUE(context.trace->state.empty()) << context.trace->state;
    EXPECT_EQ(context.ignored, 1);
  }
}

TEST(Context, OnlyAllowedMembersOfABaggageAreHandedOn) {
  const InboundOptions options{.baggage = {"tenant", "region"}};
  const Context context =
      of({{"baggage", "tenant=a;p=1, user=secret"}, {"baggage", " region = eu "}}, options);
  ASSERT_TRUE(context.baggage);
  EXPECT_EQ(*context.baggage, "tenant=a;p=1,region = eu");

  EXPECT_FALSE(of({{"baggage", "tenant=a"}}).baggage) << "none is allowed unless named";
  for (const std::string& bad :
       {std::string("tenant"), std::string("=a"), std::string(",tenant=a"),
        std::string("tenant=a\r\nEvil: 1"), "tenant=" + std::string(8190, 'a')}) {
    const Context none = of({{"baggage", bad}}, options);
    EXPECT_FALSE(none.baggage) << bad.substr(0, 30);
    EXPECT_EQ(none.ignored, 1) << bad.substr(0, 30);
  }
}

TEST(Context, AnAllowanceIsLentByTheRequestElseByTheOptions) {
  EXPECT_EQ(of({}).allowance->left(), 8);
  EXPECT_EQ(of({}, {.attempts_extra = 3}).allowance->left(), 3);
  EXPECT_FALSE(of({}, {.attempts_extra = 0}).allowance) << "0: no limit";
  EXPECT_EQ(of({{"Caller-Attempts-Left", "5"}}, {.attempts_extra = 0}).allowance->left(), 5);
  EXPECT_EQ(of({{"Caller-Attempts-Left", "0"}}).allowance->left(), 0) << "none is left";
  EXPECT_EQ(of({{"Caller-Attempts-Left", "7"}, {"Caller-Attempts-Left", "2"}}).allowance->left(),
            2);
  for (const std::string& bad : {std::string(), std::string("-1"), std::string("+1"),
                                 std::string("1 "), std::string("100"), std::string(5000, '1')}) {
    const Context context = of({{"Caller-Attempts-Left", bad}});
    EXPECT_EQ(context.allowance->left(), 8) << bad.substr(0, 10);
    EXPECT_EQ(context.ignored, 1) << bad.substr(0, 10);
  }
}

TEST(Context, CopiesShareTheAllowanceAndADetachedOneHasNone) {
  const Context context = of(
      {{"traceparent", traceparent}, {"Caller-Timeout-Ms", "100"}, {"Caller-Attempts-Left", "1"}});
  const Context copy = context;
  EXPECT_TRUE(copy.allowance->take());
  EXPECT_FALSE(context.allowance->take());

  const Context detached = context.detached();
  EXPECT_EQ(detached.deadline, no_deadline);
  EXPECT_FALSE(detached.allowance);
  EXPECT_EQ(detached.trace, context.trace);
}

}  // namespace
}  // namespace callerapi
