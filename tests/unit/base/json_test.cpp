#include "callerapi/json.hpp"

#include <gtest/gtest.h>

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

TEST(Json, TheLargestNumberOfSixtyFourBitsSurvives) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();

  EXPECT_EQ(from_json<std::uint64_t>(to_json(most)).value(), most);
  EXPECT_FALSE(from_json<std::int64_t>(to_json(most)));
  EXPECT_FALSE(from_json<std::uint64_t>("-1"));
}

TEST(Json, AnEnumeratorWithoutANameIsWrittenAsNull) {
  EXPECT_EQ(to_json(static_cast<sample::Color>(7)), "null");
}

TEST(Json, APointerEscapesTheNamesItPassesThrough) {
  const auto bad = from_json<std::map<std::string, int>>(R"({"a/b~c":true})");

  EXPECT_EQ(bad.error().message, "/a~1b~0c: expected a whole number, got a boolean");
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
