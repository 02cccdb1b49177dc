#include <gtest/gtest.h>

#include <coroutine>
#include <exception>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/event_stream.hpp"
#include "callerapi/json_lines.hpp"
#include "support/echo_caller.hpp"
#include "support/scripted_server.hpp"

namespace rows {

struct Row {
  int n = 0;
};
CALLERAPI_JSON(Row, n)

}  // namespace rows

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server, std::shared_ptr<Executor> executor = nullptr) {
  return support::echo_caller(server.url(), "", std::move(executor));
}

BodyStream open(Caller& caller) {
  return caller.open_stream("echo", "get", Request{}.path("id", "1")).value();
}

/// A coroutine that begins at once and belongs to nobody.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Script events(const SeenRequest&) {
  return {
      .bytes = support::ok(": hello\r\nid: 1\r\ndata: one\r\n\r\nevent: x\ndata: two\n\ndata: cut",
                           "Content-Type: text/event-stream\r\n"),
      .piecewise = true};
}

TEST(Items, ARangeForGoesThroughServerSentEvents) {
  ScriptedServer server(events);
  Caller caller = caller_of(server);
  std::vector<std::string> seen;

  EventStream stream(open(caller));
  for (Result<ServerEvent>& event : stream)
    seen.push_back(event ? event->type + "|" + event->data + "|" + event->id : "error");

  EXPECT_EQ(seen, (std::vector<std::string>{"message|one|1", "x|two|1"}));
  EXPECT_EQ(stream.parser().last_id(), "1");
}

TEST(Items, ACoroutineGoesThroughThemOnTheExecutor) {
  for (const bool inline_one : {true, false}) {
    ScriptedServer server(events);
    Caller caller = caller_of(server, inline_one ? Executor::inline_executor() : nullptr);
    EventStream stream(open(caller));
    std::promise<std::string> done;
    const auto walk = [](EventStream& items, std::promise<std::string>& result) -> Detached {
      std::string all;
      for (;;) {
        auto event = co_await items.async_next();
        if (!event || !*event) break;
        all += (*event)->data + ";";
      }
      result.set_value(all);
    };
    walk(stream, done);

    EXPECT_EQ(done.get_future().get(), "one;two;");
  }
}

TEST(Items, JsonLinesAreValuesOfTheirType) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = support::ok("{\"n\":1}\n\n{\"n\":2}\r\n{\"n\":3}"), .piecewise = true};
  });
  Caller caller = caller_of(server);
  int sum = 0;

  JsonLines<rows::Row> lines(open(caller));
  for (Result<rows::Row>& row : lines) sum = sum * 10 + row.value().n;

  EXPECT_EQ(sum, 123);
}

TEST(Items, ABodyCutShortIsTheLastElement) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\na\nb\nc", .close = true};
  });
  Caller caller = caller_of(server);
  std::vector<std::string> seen;

  Lines lines(open(caller));
  for (Result<std::string>& line : lines) seen.push_back(line ? *line : line.error().reason);

  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "body"}));
}

}  // namespace
}  // namespace callerapi
