#include "callerapi/json.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sample {

enum class Color { red, green };
CALLERAPI_JSON_ENUM(Color, red, green)

struct Item {
  std::string name;
  double price = 0;
};
CALLERAPI_JSON(Item, name, price)

struct Order {
  std::int32_t id = 0;
  std::optional<std::string> note;
  std::vector<Item> items;
  std::map<std::string, bool> flags;
  Color color = Color::red;
};
CALLERAPI_JSON(Order, id, note, items, flags, color)

enum class Currency { euro, dollar };
CALLERAPI_JSON_ENUM(Currency, (euro, "EUR"), dollar)

struct Payment {
  int total = 0;
  Currency currency = Currency::euro;
  std::chrono::sys_seconds due{};
  std::chrono::sys_time<std::chrono::milliseconds> made{};
};
CALLERAPI_JSON(Payment, (total, "grand-total"), currency, due, (made, "made_at"))

struct Counted {
  static inline int made = 0;
  Counted() { ++made; }
  int number = 0;
};
CALLERAPI_JSON(Counted, number)

struct Slashed {
  int number = 0;
};
CALLERAPI_JSON(Slashed, (number, "a/b"))

}  // namespace sample

namespace callerapi {
namespace {

using sample::Order;

constexpr const char* whole =
    R"({"id":7,"items":[{"name":"a\"b","price":1.5}],"flags":{"x":true},"color":"green","unknown":[1]})";

TEST(Json, ATypeSurvivesTheWayThereAndBack) {
  const Order order = from_json<Order>(whole).value();
  const Order again = from_json<Order>(to_json(order)).value();

  EXPECT_EQ(again.id, 7);
  EXPECT_FALSE(again.note);
  EXPECT_EQ(again.items.at(0).name, "a\"b");
  EXPECT_EQ(again.items.at(0).price, 1.5);
  EXPECT_TRUE(again.flags.at("x"));
  EXPECT_EQ(again.color, sample::Color::green);
}

struct Bad {
  const char* label;
  const char* text;
  const char* message;
};

class JsonRefuses : public testing::TestWithParam<Bad> {};

TEST_P(JsonRefuses, AndNamesThePlace) {
  const auto result = from_json<Order>(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().outcome, Outcome::decode_error);
  EXPECT_EQ(result.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    , JsonRefuses,
    testing::Values(
        Bad{"WrongType", R"({"id":1,"items":[{"name":"a","price":"x"}],"flags":{},"color":"red"})",
            "/items/0/price: expected a number, got a string"},
        Bad{"Missing", R"({"id":1,"items":[],"color":"red"})", "/flags: is required, but missing"},
        Bad{"Overflow", R"({"id":3000000000,"items":[],"flags":{},"color":"red"})",
            "/id: the number 3000000000 does not fit its type"},
        Bad{"UnknownName", R"({"id":1,"items":[],"flags":{},"color":"blue"})",
            "/color: is none of the declared names"},
        Bad{"NotAnObject", "[]", "/: expected an object, got an array"},
        Bad{"Infinity", R"({"id":1e400})", "not valid JSON: a number is too large"}),
    [](const auto& bad) { return std::string(bad.param.label); });

TEST(Json, TheFirstElementThatDoesNotFitEndsAnArrayBeforeTheOthersAreMade) {
  sample::Counted::made = 0;
  const auto bad = from_json<std::vector<sample::Counted>>("[0,0,0]");
  EXPECT_EQ(bad.error().message, "/0: expected an object, got a number");
  EXPECT_EQ(sample::Counted::made, 1);

  std::vector<int> numbers{7, 8, 9};
  json::Fault fault;
  ASSERT_TRUE(json::decode(json::Document::parse("[1,2]")->root(), numbers, fault));
  EXPECT_EQ(numbers, (std::vector{1, 2})) << "what was there before is gone";
}

TEST(Json, TheLargestNumberOfSixtyFourBitsSurvives) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();

  EXPECT_EQ(from_json<std::uint64_t>(to_json(most)).value(), most);
  EXPECT_FALSE(from_json<std::int64_t>(to_json(most)));
  EXPECT_FALSE(from_json<std::uint64_t>("-1"));
}

TEST(Json, ANumberThatAFloatCannotHoldIsRefused) {
  EXPECT_EQ(from_json<float>("3.4028234663852886e38").value(), std::numeric_limits<float>::max());
  EXPECT_EQ(from_json<float>("1e-300").value(), 0.0f);
  EXPECT_EQ(from_json<float>("1e300").error().message,
            "/: the number 1e+300 does not fit its type");
  EXPECT_FALSE(from_json<float>("-1e39"));
  EXPECT_EQ(from_json<double>("-1e300").value(), -1e300);
}

TEST(Json, ANumberWithAFractionIsTheNearestToItsText) {
  EXPECT_EQ(from_json<double>("94.95886283158103").value(), 94.95886283158103);
  EXPECT_EQ(from_json<double>("-0.0").value(), 0.0);
  EXPECT_EQ(from_json<double>("1e-400").value(), 0.0);
  std::uint64_t bits = 1;
  for (int i = 0; i < 20'000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    const double number = static_cast<double>(bits >> 11) * 0x1p-46;
    ASSERT_EQ(from_json<double>(to_json(number)).value(), number) << to_json(number);
    ASSERT_EQ(from_json<std::vector<double>>("[" + to_json(number) + "]").value().at(0), number);
  }
}

TEST(Json, WhatIsReadIsWrittenAsPeopleWriteIt) {
  const std::string text =
      R"({"a":0.5,"b":40.7,"c":[18446744073709551615,-7,true,null],"d":"x\"y","e":{}})";
  EXPECT_EQ(json::Document::parse(text)->root().dump(), text);
  EXPECT_EQ(json::Document::parse("5E-1")->root().dump(), "0.5");
  EXPECT_EQ(json::Document::parse("1.0")->root().dump(), "1");
}

TEST(Json, BytesThatAreNoTextAreNotWritten) {
  EXPECT_EQ(json::Writer().value("caf\xe9!").text(), "\"caf\xef\xbf\xbd!\"");
  EXPECT_EQ(json::Writer().value("caf\xc3\xa9").text(), "\"caf\xc3\xa9\"");
  EXPECT_EQ(to_json(std::string("\xff\"")), "\"\xef\xbf\xbd\\\"\"");
}

TEST(Json, WireNamesMayDifferAndTimesAreRfc3339) {
  using namespace std::chrono;
  const sys_seconds due = sys_days(2026y / November / 24) + 13h + 5min;
  const sample::Payment payment{7, sample::Currency::euro, due, due + 125ms};

  const std::string text = to_json(payment);

  EXPECT_EQ(text, R"({"grand-total":7,"currency":"EUR","due":"2026-11-24T13:05:00Z",)"
                  R"("made_at":"2026-11-24T13:05:00.125Z"})");
  const auto back = from_json<sample::Payment>(text).value();
  EXPECT_EQ(back.total, 7);
  EXPECT_EQ(back.made, due + 125ms);
  EXPECT_EQ(from_json<sample::Payment>(R"({"total":1})").error().message,
            "/grand-total: is required, but missing");
}

TEST(Json, ATimeOfAnyOffsetIsOneMomentAndWhatIsNoTimeIsRefused) {
  using namespace std::chrono;
  const json::Time noon = sys_days(2024y / February / 29) + 12h;
  for (const char* text : {"2024-02-29T12:00:00Z", "2024-02-29t12:00:00z",
                           "2024-02-29T14:30:00+02:30", "2024-02-29T11:00:00.000-01:00"})
    EXPECT_EQ(json::parse_time(text), noon) << text;
  EXPECT_EQ(json::parse_time("2016-12-31T23:59:60Z"),
            json::Time(sys_days(2017y / January / 1)) - 1ns);
  EXPECT_EQ(json::format_time(noon + 1ns, 9), "2024-02-29T12:00:00.000000001Z");
  for (const char* text :
       {"", "2023-02-29T12:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T12:00:00",
        "2024-02-29 12:00", "2024-02-29T12:00:00.Z", "2024-02-29T12:00:00Z ",
        "2024-13-01T00:00:00Z", "24-02-29T12:00:00Z", "2024-02-29T12:00:00+24:00",
        "9999-01-01T00:00:00Z", "-024-01-01T00:00:00Z"})
    EXPECT_FALSE(json::parse_time(text)) << text;
  EXPECT_EQ(
      from_json<sys_seconds>("\"yesterday\"").error().message,
      "/: expected a time such as \"2026-11-24T13:42:40Z\" (RFC 3339) of the years 1678 to 2261");
}

TEST(Json, ATimeThatNoNanosecondsReachIsNotWrittenAsAnother) {
  using namespace std::chrono;
  const auto written = [](auto time) {
    bool sound = true;
    const std::string text = to_json(time, sound);
    return text + (sound ? "" : " refused");
  };
  EXPECT_EQ(written(sys_seconds(sys_days(1678y / January / 1))), "\"1678-01-01T00:00:00Z\"");
  EXPECT_EQ(written(sys_seconds(sys_days(2262y / January / 1)) - 1s), "\"2261-12-31T23:59:59Z\"");
  EXPECT_EQ(written(json::Time(sys_days(2262y / January / 1)) - 1ns),
            "\"2261-12-31T23:59:59.999999999Z\"");
  EXPECT_EQ(written(sys_seconds(sys_days(1678y / January / 1)) - 1s), "null refused");
  EXPECT_EQ(written(sys_seconds(sys_days(2262y / January / 1))), "null refused");
  EXPECT_EQ(written(sys_days(9999y / December / 31)), "null refused");
  EXPECT_EQ(written(sys_seconds::max()), "null refused");
  EXPECT_EQ(written(sys_time<hours>::min()), "null refused");
  EXPECT_FALSE(from_json<sys_seconds>("\"9999-12-31T23:59:59Z\""));
}

TEST(Json, AnEnumeratorWithoutANameIsWrittenAsNull) {
  EXPECT_EQ(to_json(static_cast<sample::Color>(7)), "null");
}

TEST(Json, APointerEscapesTheNamesItPassesThrough) {
  const auto bad = from_json<std::map<std::string, int>>(R"({"a/b~c":true})");

  EXPECT_EQ(bad.error().message, "/a~1b~0c: expected a whole number, got a boolean");
  EXPECT_EQ(from_json<sample::Slashed>("{}").error().message, "/a~1b: is required, but missing");
}

TEST(Json, AKeyThatThePayloadChoseStaysShortAndOnOneLine) {
  using Tree = std::map<std::string, std::map<std::string, int>>;
  EXPECT_EQ(from_json<Tree>(R"({"fine":{"x":1},"a\nERROR \u001b[31m":{"caf\u00e9":true}})")
                .error()
                .message,
            R"(/a\x0aERROR \x1b[31m/caf\xc3\xa9: expected a whole number, got a boolean)");
  const std::string text = "{\"" + std::string(5000, 'k') + "\":{\"x\":true}}";
  EXPECT_EQ(from_json<Tree>(text).error().message,
            "/" + std::string(64, 'k') + ".../x: expected a whole number, got a boolean");
}

TEST(Json, DepthIsBounded) {
  EXPECT_TRUE(json::Document::parse(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(json::Document::parse(std::string(1000, '[') + std::string(1000, ']')));
}

TEST(Json, TrailingAndMissingBytesAreRefused) {
  EXPECT_FALSE(json::Document::parse("{} x"));
  EXPECT_FALSE(json::Document::parse("{\"a\":"));
  EXPECT_FALSE(json::Document::parse(""));
}

TEST(Json, TheWriterNeverWritesWhatIsNotJson) {
  json::Writer out;
  out.begin_object()
      .member("a\n", std::string_view("\x01\""))
      .member("n", std::numeric_limits<double>::infinity())
      .end_object();
  EXPECT_EQ(out.text(), "{\"a\\u000a\":\"\\u0001\\\"\",\"n\":null}");
  EXPECT_FALSE(out.ok());
}

}  // namespace
}  // namespace callerapi
