#include "callerapi/json_lines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace counted {

struct Row {
  int n = 0;
};
CALLERAPI_JSON(Row, n)

}  // namespace counted

namespace callerapi {
namespace {

std::vector<std::string> lines_of(std::string_view bytes, std::size_t cut, std::size_t most = 64) {
  LineParser parser(most);
  std::vector<std::string> out;
  const auto drain = [&] {
    for (;;) {
      auto line = parser.next();
      if (!line) return out.push_back(line.error().message), false;
      if (!*line) return true;
      out.push_back(**line);
    }
  };
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    parser.give(piece);
    if (!drain()) return out;
  }
  parser.finish();
  drain();
  return out;
}

TEST(Lines, AreTheSameWhereverTheBytesAreCut) {
  const struct {
    std::string bytes;
    std::vector<std::string> lines;
  } cases[] = {{"", {}},
               {"a\nb\n", {"a", "b"}},
               {"a\r\nb", {"a", "b"}},
               {"\n\r\na\n\n\nb\r", {"a", "b"}},
               {"a\rb\n", {"a\rb"}}};
  for (const auto& c : cases)
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut)
      EXPECT_EQ(lines_of(c.bytes, cut), c.lines) << c.bytes << " cut at " << cut;
}

TEST(Lines, OneThatIsTooLongEndsThem) {
  const std::string bytes = "ok\n123456789\nmore\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(lines_of(bytes, cut, 8),
              (std::vector<std::string>{"ok",
                                        "a line of the streamed body is longer than the 8 bytes "
                                        "allowed; give its parser a higher bound"}));
}

TEST(Lines, OneOfAllTheBytesAllowedIsReadHoweverItEnds) {
  for (const std::string bytes : {"12345678\n", "12345678\r\n", "12345678\r", "12345678"})
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
      EXPECT_EQ(lines_of(bytes, cut, 8), std::vector<std::string>{"12345678"}) << cut;
}

TEST(JsonLines, ALineThatDoesNotFitIsAnErrorAndTheNextIsRead) {
  JsonLineParser<counted::Row> parser;
  parser.give("{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":3}");
  parser.finish();

  EXPECT_EQ(parser.next().value()->n, 1);
  EXPECT_EQ(parser.next().error().outcome, Outcome::decode_error);
  EXPECT_EQ(parser.next().value()->n, 3);
  EXPECT_EQ(parser.next().value().has_value(), false);
}

}  // namespace
}  // namespace callerapi
