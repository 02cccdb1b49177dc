#include "callerapi/stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/push_server.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::PushServer;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

std::string registry_of(const std::string& url, const std::string& more = "") {
  return "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" + url + "\"\n" +
         more;
}

Options options_of(std::shared_ptr<Executor> executor = nullptr) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.executor = std::move(executor);
  return options;
}

Caller caller_of(const std::string& url, const std::string& more = "",
                 std::shared_ptr<Executor> executor = nullptr) {
  return Caller::from_toml(registry_of(url, more), options_of(std::move(executor))).value();
}

bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return holds();
}

std::string read_some(BodyStream& stream) {
  std::string buffer(100'000, '\0');
  auto got = stream.read(buffer);
  if (!got) return "error: " + std::string(name(got.error().outcome)) + "/" + got.error().reason;
  return buffer.substr(0, *got);
}

constexpr const char* chunked_head =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n";

TEST(Stream, TheHeadComesFirstAndEachPieceWhenItIsThere) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  EXPECT_TRUE(server.accept_request().starts_with("GET /echo/1 HTTP/1.1\r\n"));
  server.send(chunked_head);

  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->status(), 200);
  EXPECT_EQ(stream->headers().get("X-A"), "b");
  server.send("3\r\none\r\n");
  EXPECT_EQ(read_some(*stream), "one");
  server.send("3\r\ntwo\r\n");
  EXPECT_EQ(read_some(*stream), "two");
  server.send("0\r\n\r\n");
  EXPECT_EQ(read_some(*stream), "");
  EXPECT_EQ(read_some(*stream), "") << "the end stays the end";
  EXPECT_TRUE(eventually([&] { return caller.stats().calls_in_flight == 0; }));
}

TEST(Stream, ReadToItsEndItGivesTheConnectionBack) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("hello")}; });
  Caller caller = caller_of(server.url());

  for (int i = 0; i < 20; ++i) {
    auto stream = caller.open_stream("echo", "get", Request{}.path("id", "1"));
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->read_all().value(), "hello");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(Stream, AReaderThatRestsHoldsThePeerBack) {
  PushServer server;
  Caller caller = caller_of(server.url());
  std::string body;
  for (int i = 0; body.size() < 24u << 20; ++i)
    body += std::to_string(i) + std::string(10'000, static_cast<char>('a' + i % 26));
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);

  // What the kernel's buffers take is not ours; 16 MiB is more than they ever do here.
  const std::size_t sent = server.send_until_full(body);
  EXPECT_LT(sent, 16u << 20);

  auto rest =
      std::async(std::launch::async, [&] { server.send(std::string_view(body).substr(sent)); });
  EXPECT_TRUE(stream->read_all(body.size()).value() == body);
  rest.get();
}

TEST(Stream, DestroyingOrCancellingItClosesItsConnection) {
  PushServer server;
  Caller caller = caller_of(server.url());
  for (const bool destroy : {true, false}) {
    auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
    server.accept_request();
    server.send(chunked_head);
    auto stream = std::move(opening).get();
    ASSERT_TRUE(stream);
    if (destroy) {
      const BodyStream gone = std::move(*stream);
    } else {
      stream->cancel();
      EXPECT_EQ(read_some(*stream), "error: cancelled/cancelled");
    }
    EXPECT_TRUE(server.closed_by_peer());
  }
}

TEST(Stream, ACallThatIsDroppedAfterItsHeadClosesTheConnectionToo) {
  PushServer server;
  Caller caller = caller_of(server.url());
  {
    auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
    server.accept_request();
    server.send(chunked_head);
    EXPECT_TRUE(eventually([&] { return opening.done(); }));
  }
  EXPECT_TRUE(server.closed_by_peer());
}

TEST(Stream, CancelFromAnotherThreadWakesABlockedRead) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send(chunked_head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);

  auto reading = std::async(std::launch::async, [&] { return read_some(*stream); });
  stream->cancel();
  EXPECT_EQ(reading.get(), "error: cancelled/cancelled");
}

TEST(Stream, ABodyCutShortIsAnErrorAfterTheBytesThatCame) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send(std::string(chunked_head) + "5\r\nhello\r\n");
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);
  EXPECT_EQ(read_some(*stream), "hello");
  server.close();

  char byte = 0;
  auto end = stream->read({&byte, 1});
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().outcome, Outcome::response_truncated);
  EXPECT_EQ(end.error().phase, Phase::body);
  EXPECT_NE(end.error().message.find("the last chunk is missing, 5 bytes arrived"),
            std::string::npos)
      << end.error().message;
  EXPECT_EQ(read_some(*stream), "error: response_truncated/body") << "the error stays";
  EXPECT_EQ(caller.stats().calls_failed, 1u);
}

TEST(Stream, AfterTheHeadOnlySilenceIsTimed) {
  PushServer server;
  Caller caller = caller_of(server.url(),
                            "[services.echo.timeouts]\ntotal = \"300ms\"\nread_idle = \"100ms\"\n"
                            "stream_idle = \"700ms\"\n");
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  const auto began = std::chrono::steady_clock::now();
  server.accept_request();
  server.send(chunked_head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);
  auto first = std::async(std::launch::async, [&] { return read_some(*stream); });
  EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - began > 350ms; }));
  server.send("3\r\none\r\n");

  EXPECT_EQ(first.get(), "one") << "the total of 300 ms ends with the head";
  char byte = 0;
  auto silent = stream->read({&byte, 1});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().outcome, Outcome::attempt_timeout);
  EXPECT_EQ(silent.error().reason, "stream_idle");
  EXPECT_NE(silent.error().message.find("no byte of the streamed body arrived for longer than "
                                        "timeouts.stream_idle = 700 ms"),
            std::string::npos)
      << silent.error().message;
}

TEST(Stream, ADeadlineOfTheCallerBoundsTheWholeBody) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream(
      "echo", "get", Request{}.path("id", "1").deadline(std::chrono::steady_clock::now() + 300ms));
  server.accept_request();
  server.send(chunked_head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream) << stream.error().message;

  EXPECT_EQ(read_some(*stream), "error: deadline_exceeded/deadline");
}

TEST(Stream, TheDeadlineHoldsWhileTheReaderRests) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream(
      "echo", "get", Request{}.path("id", "1").deadline(std::chrono::steady_clock::now() + 1s));
  server.accept_request();
  server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream) << stream.error().message;
  server.send_until_full(std::string(1 << 20, 'x'));

  EXPECT_TRUE(server.closed_by_peer()) << "nobody has read a byte yet";
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (caller.stats().connections_open > 0) ASSERT_LT(std::chrono::steady_clock::now(), until);
  std::string last;
  for (std::size_t n = 0; n < 100 && !last.starts_with("error"); ++n) last = read_some(*stream);
  EXPECT_EQ(last, "error: deadline_exceeded/deadline");
}

TEST(Stream, AnAnswerOfFourHundredAndMoreIsRetriedAndWhole) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes =
                      count++ == 0 ? support::status(503, "busy") : support::status(404, "none")};
  });
  Caller caller = caller_of(server.url());

  auto stream = caller.open_stream("echo", "get", Request{}.path("id", "1"));

  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->status(), 404);
  EXPECT_EQ(stream->head().attempts, 2);
  EXPECT_EQ(stream->read_all().value(), "none");
  EXPECT_EQ(server.connections(), 1);
}

TEST(Stream, TheRequestsOwnBodyMustBeInMemory) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("hello")}; });
  Caller caller = caller_of(server.url());
  class Sink final : public BodySink {
    bool write(std::span<const char>) override { return true; }
  };

  auto memory = caller.open_stream("echo", "create", Request{}.json_text("{}"));
  auto source = caller.open_stream("echo", "put",
                                   Request{}.path("id", "1").body(Body::generated(
                                       [](std::span<char>) { return std::size_t{0}; })));
  auto sink =
      caller.open_stream("echo", "get", Request{}.path("id", "1").into(std::make_shared<Sink>()));

  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->read_all().value(), "hello");
  EXPECT_EQ(source.error().message,
            "echo.put: a streamed answer needs a request body in memory; a body from a file, a "
            "generator or multipart blocks the reactor");
  EXPECT_EQ(sink.error().message, "echo.get: a stream takes the body itself; leave out into()");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Stream, ReadingOnTheReactorsOwnThreadIsRefused) {
  PushServer server;
  Caller caller = caller_of(server.url(), "", Executor::inline_executor());
  std::promise<std::string> said;
  caller.start_stream("echo", "get", Request{}.path("id", "1"))
      .then([&](Result<BodyStream> stream) { said.set_value(read_some(*stream)); });
  server.accept_request();
  server.send(chunked_head);

  EXPECT_EQ(said.get_future().get(), "error: invalid_argument/would_deadlock");
}

TEST(Stream, ItMayOutliveItsCaller) {
  PushServer server;
  std::optional<Caller> caller(caller_of(server.url()));
  auto opening = caller->start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send(std::string(chunked_head) + "3\r\none\r\n");
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);
  EXPECT_EQ(read_some(*stream), "one");

  caller.reset();
  EXPECT_EQ(read_some(*stream), "error: shutdown/closing");
  EXPECT_TRUE(server.closed_by_peer());
}

TEST(Stream, NextBringsPiecesWithoutBlocking) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send(chunked_head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);

  auto piece = stream->next().future();
  EXPECT_EQ(piece.wait_for(0s), std::future_status::timeout);
  server.send("3\r\none\r\n");
  EXPECT_EQ(piece.get().value(), "one");
  server.send("0\r\n\r\n");
  EXPECT_EQ(stream->next().get().value(), "");
}

TEST(Stream, ReadAllKeepsToItsBound) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("hello")}; });
  Caller caller = caller_of(server.url());

  auto enough = caller.open_stream("echo", "get", Request{}.path("id", "1")).value().read_all(5);
  auto less = caller.open_stream("echo", "get", Request{}.path("id", "1")).value().read_all(4);

  EXPECT_EQ(enough.value(), "hello");
  EXPECT_EQ(less.error().message,
            "the streamed body is longer than the 4 bytes that were to be read at once");

  PushServer endless;
  Caller other = caller_of(endless.url(), "timeouts.stream_idle = \"2s\"\n");
  auto opening = other.start_stream("echo", "get", Request{}.path("id", "1"));
  endless.accept_request();
  endless.send(std::string(chunked_head) + "5\r\nhello\r\n");
  auto stream = std::move(opening).get().value();
  EXPECT_EQ(stream.read_all(4).error().reason, "body");
  EXPECT_EQ(read_some(stream), "error: response_too_large/body") << "an error stays";
  EXPECT_TRUE(endless.closed_by_peer());
}

TEST(Stream, ANextThatIsDroppedCancelsTheStream) {
  PushServer server;
  Caller caller = caller_of(server.url());
  auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
  server.accept_request();
  server.send(chunked_head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream);

  { const auto unused = stream->next(); }

  EXPECT_EQ(read_some(*stream), "error: cancelled/cancelled");
  EXPECT_TRUE(server.closed_by_peer());
}

TEST(Stream, ATestingTransportAnswersStreamsToo) {
  auto transport = std::make_shared<testing::ScriptedTransport>();
  transport->on("echo", "get", testing::json_response("{}"));
  Options options = options_of();
  options.transport = transport;
  Caller caller = Caller::from_toml(registry_of("http://127.0.0.1:1"), std::move(options)).value();

  auto stream = caller.open_stream("echo", "get", Request{}.path("id", "1"));

  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->read_all().value(), "{}");
}

TEST(Stream, WhoeverIsToldOfAPieceMayShutTheCallerDown) {
  // Told on the loop itself: of the last piece, and of one that others follow.
  for (const bool last : {true, false}) {
    PushServer server;
    Caller caller = caller_of(server.url(), "", Executor::inline_executor());
    auto opening = caller.start_stream("echo", "get", Request{}.path("id", "1"));
    server.accept_request();
    server.send(chunked_head);
    auto stream = std::move(opening).get();
    ASSERT_TRUE(stream);
    std::atomic<bool> told{false};
    stream->next().then([&](const Result<std::string>&) {
      caller.shutdown(0s);
      told = true;
    });
    server.send(last ? "3\r\none\r\n0\r\n\r\n" : "3\r\none\r\n");
    EXPECT_TRUE(eventually([&] { return told.load(); }));
    EXPECT_EQ(caller.stats().calls_in_flight, 0u);
  }
}

}  // namespace
}  // namespace callerapi
