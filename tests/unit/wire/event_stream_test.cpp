#include "callerapi/event_stream.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// Each event as "type|data|id", and an error as its text.
std::vector<std::string> events_of(std::string_view bytes, std::size_t cut,
                                   EventParser parser = EventParser()) {
  std::vector<std::string> out;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    parser.give(piece);
    for (;;) {
      auto event = parser.next();
      if (!event) return out.push_back(event.error().message), out;
      if (!*event) break;
      out.push_back((*event)->type + "|" + (*event)->data + "|" + (*event)->id);
    }
  }
  parser.finish();
  return out;
}

struct EventCase {
  const char* label;
  std::string bytes;
  std::vector<std::string> events;
};
void PrintTo(const EventCase& c, std::ostream* out) { *out << c.label; }
class Events : public testing::TestWithParam<EventCase> {};

TEST_P(Events, AreTheSameWhereverTheBytesAreCut) {
  for (std::size_t cut = 0; cut <= GetParam().bytes.size(); ++cut)
    ASSERT_EQ(events_of(GetParam().bytes, cut), GetParam().events) << "cut at " << cut;
}

INSTANTIATE_TEST_SUITE_P(
    EventStream, Events,
    testing::Values(
        EventCase{"lines end with LF", "data: a\n\ndata: b\n\n", {"message|a|", "message|b|"}},
        EventCase{
            "lines end with CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"message|a|", "message|b|"}},
        EventCase{"lines end with CR", "data: a\r\rdata: b\r\r", {"message|a|", "message|b|"}},
        EventCase{"ends are mixed",
                  "data: a\r\n\ndata: b\n\r\ndata: c\r\r\n",
                  {"message|a|", "message|b|", "message|c|"}},
        EventCase{"data of several lines", "data: a\ndata\ndata:b\n\n", {"message|a\n\nb|"}},
        EventCase{"one space is dropped, no more", "data:  a \n\n", {"message| a |"}},
        EventCase{"a byte order mark",
                  "\xef\xbb\xbf"
                  "data: a\n\n",
                  {"message|a|"}},
        EventCase{"a mark elsewhere is text",
                  "data: \xef\xbb\xbf"
                  "a\n\n",
                  {"message|\xef\xbb\xbf"
                   "a|"}},
        EventCase{"comments and unknown fields", ": hi\nfoo: 1\ndata: a\n:\n\n", {"message|a|"}},
        EventCase{
            "a type is for one event", "event: x\ndata: a\n\ndata: b\n\n", {"x|a|", "message|b|"}},
        EventCase{"a type without data is nothing", "event: x\n\ndata: b\n\n", {"message|b|"}},
        EventCase{"an id stays",
                  "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
                  {"message|a|7", "message|b|7", "message|c|"}},
        EventCase{"an id with NUL is none",
                  "id: 7\ndata: a\n\nid: \0x\ndata: b\n\n"s,
                  {"message|a|7", "message|b|7"}},
        EventCase{"data that is empty", "data\n\ndata:\ndata:\n\n", {"message||", "message|\n|"}},
        EventCase{"an event without its end is dropped", "data: a\n\ndata: b\n", {"message|a|"}},
        EventCase{"bytes that are no UTF-8",
                  "data: a\xff"
                  "b\xe2\x82"
                  "c\xed\xa0\x80\n\n",
                  {"message|a\xef\xbf\xbd"
                   "b\xef\xbf\xbd"
                   "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"}}));

TEST(EventStream, RetryIsDigitsAlone) {
  EventParser parser;
  parser.give("retry: 1500\nretry: 2s\nretry: -1\n\n");
  ASSERT_TRUE(parser.next());
  EXPECT_EQ(parser.retry(), Duration(1500ms));
}

TEST(EventStream, WhatIsTooLongEndsItForGood) {
  const std::string want = " is longer than the 16 bytes allowed; give its parser a higher bound";
  const auto last = [](std::string_view bytes, std::size_t cut) {
    return events_of(bytes, cut, EventParser(16)).back();
  };
  const std::string line = "data: ok\n\ndata: " + std::string(12, 'x') + "\n\ndata: y\n\n";
  const std::string data = "data: 123456789\ndata: 123456789\n\ndata: y\n\n";
  for (std::size_t cut = 11; cut < line.size(); ++cut)
    EXPECT_EQ(last(line, cut), "server-sent event: a line" + want) << cut;
  for (std::size_t cut = 0; cut < data.size(); ++cut)
    EXPECT_EQ(last(data, cut), "server-sent event: its data" + want) << cut;

  const std::string whole = "data: 12345678\ndata: 1234567\n\n";
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_EQ(last(whole, cut), "message|12345678\n1234567|") << cut;

  EventParser parser(16);
  parser.give(std::string(17, ':'));
  EXPECT_FALSE(parser.next());
  parser.give("\n\ndata: a\n\n");
  EXPECT_FALSE(parser.next());
}

}  // namespace
}  // namespace callerapi
