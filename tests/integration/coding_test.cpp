#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "callerapi/caller.hpp"
#include "support/coded.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"
#include "wire/deflate.hpp"

namespace callerapi {
namespace {

using support::coded;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server, const std::string& more = "") {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               server.url() + "\"\n" + more,
                           std::move(options))
      .value();
}

std::string field(const SeenRequest& request, const std::string& name) {
  const auto at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

/// Answers /gzip, /zlib and /raw coded so; anything else as it is.
Script coded_answer(const SeenRequest& request) {
  const std::string text = "the body, the body, the body";
  const auto asked = [&](const char* what) {
    return request.target.find(what) != std::string::npos;
  };
  if (asked("gzip")) return {.bytes = support::ok(coded(text), "Content-Encoding: gzip\r\n")};
  if (asked("zlib"))
    return {.bytes =
                support::ok(coded(text, support::zlib_format), "Content-Encoding: deflate\r\n")};
  if (asked("raw"))
    return {.bytes =
                support::ok(coded(text, support::raw_format), "Content-Encoding: Deflate\r\n")};
  return {.bytes = support::ok(text)};
}

class Collect final : public BodySink {
 public:
  bool write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return true;
  }
  std::string text;
};

TEST(Coding, EveryWayToTakeABodyDecodesIt) {
  ScriptedServer server(coded_answer);
  Caller caller = caller_of(server);
  const std::string want = "the body, the body, the body";

  for (const char* id : {"gzip", "zlib", "raw", "plain"}) {
    const auto request = [&] { return Request{}.path("id", id); };
    auto called = caller.call("echo", "get", request());
    auto started = caller.start("echo", "get", request()).get();
    auto sink = std::make_shared<Collect>();
    auto sunk = caller.call("echo", "get", request().into(sink));
    auto stream = caller.open_stream("echo", "get", request());

    ASSERT_TRUE(called && started && sunk && stream) << id;
    EXPECT_EQ(called->body, want) << id;
    EXPECT_EQ(started->body, want) << id;
    EXPECT_EQ(sink->text, want) << id;
    EXPECT_EQ(stream->read_all().value(), want) << id;
    EXPECT_FALSE(called->headers.contains("Content-Encoding"));
    EXPECT_EQ(called->headers.contains("Content-Length"), std::string(id) == "plain");
  }
  EXPECT_EQ(server.connections(), 1) << "a decoded body ends where the message ends";
  for (const SeenRequest& seen : server.requests())
    EXPECT_EQ(field(seen, "Accept-Encoding"), "gzip, deflate");
}

TEST(Coding, WhoeverAsksForACodingOrARangeGetsTheBytesAsTheyAre) {
  ScriptedServer server(coded_answer);
  Caller caller =
      caller_of(server, "[services.echo.endpoints.put.headers]\nAccept-Encoding = \"gzip\"\n");

  auto own =
      caller.call("echo", "get", Request{}.path("id", "gzip").header("accept-encoding", "gzip"));
  auto range = caller.call("echo", "get", Request{}.path("id", "gzip").header("Range", "bytes=0-"));
  auto registry = caller.call("echo", "put", Request{}.path("id", "gzip"));

  for (const auto* raw : {&own, &range, &registry}) {
    ASSERT_TRUE(*raw);
    EXPECT_EQ((*raw)->body, coded("the body, the body, the body"));
    EXPECT_EQ((*raw)->headers.get("Content-Encoding"), "gzip");
  }
  EXPECT_EQ(field(server.requests().at(1), "Accept-Encoding"), "");
}

TEST(Coding, ADamagedShortenedOrForeignCodingIsNoAnswer) {
  std::string body, coding;
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = support::ok(body, "Content-Encoding: " + coding + "\r\n")};
  });
  Caller caller = caller_of(server);
  const auto error_of = [&](std::string bytes, const char* how) {
    body = std::move(bytes);
    coding = how;
    const auto answer = caller.call("echo", "get", Request{}.path("id", "1").max_attempts(1));
    if (answer) return std::string("an answer");
    const Error& e = answer.error();
    return std::string(name(e.outcome)) + "/" + e.reason + " " + std::string(name(e.phase));
  };
  const std::string whole = coded("hello hello hello");

  EXPECT_EQ(error_of(whole.substr(0, whole.size() - 1), "gzip"), "response_truncated/coding body");
  EXPECT_EQ(error_of(whole + "x", "gzip"), "protocol_error/coding body");
  EXPECT_EQ(error_of("hello", "gzip"), "protocol_error/coding body");
  EXPECT_EQ(error_of("hello", "br"), "protocol_error/coding body");
  EXPECT_EQ(error_of(coded(std::string(8u << 20, 'x')), "gzip"), "response_too_large/ratio body");
}

TEST(Coding, AStatusOfFourHundredAndMoreIsDecodedToo) {
  ScriptedServer server([](const SeenRequest&) {
    return Script{.bytes =
                      support::status(404, coded("no such thing"), "Content-Encoding: gzip\r\n")};
  });
  Caller caller = caller_of(server);

  EXPECT_EQ(caller.call("echo", "get", Request{}.path("id", "1"))->body, "no such thing");
}

TEST(RequestCoding, BodiesOfSomeSizeAreCodedWhereTheRegistrySaysSo) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("")}; });
  Caller plain = caller_of(server);
  Caller coding = caller_of(server, "[services.echo.request]\ngzip = true\n");
  const std::string large = "\"" + std::string(2000, 'x') + "\"", small = "\"x\"";
  char path[] = "/tmp/callerapi_coding_XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_EQ(::write(fd, large.data(), large.size()), static_cast<ssize_t>(large.size()));
  ::close(fd);

  ASSERT_TRUE(plain.call("echo", "create", Request{}.json_text(large)));
  ASSERT_TRUE(coding.call("echo", "create", Request{}.json_text(small)));
  ASSERT_TRUE(coding.call("echo", "create", Request{}.json_text(large)));
  ASSERT_TRUE(coding.call("echo", "put", Request{}.path("id", "1").body(Body::file(path).value())));
  ASSERT_TRUE(coding.call("echo", "create",
                          Request{}.json_text(large).header("Content-Encoding", "identity")));
  ::unlink(path);

  const auto seen = server.requests();
  EXPECT_EQ(seen.at(0).body, large);
  EXPECT_EQ(seen.at(1).body, small);
  EXPECT_EQ(field(seen.at(1), "Content-Encoding"), "");
  EXPECT_EQ(seen.at(2).body, wire::gzip(large));
  EXPECT_EQ(field(seen.at(2), "Content-Encoding"), "gzip");
  EXPECT_EQ(field(seen.at(2), "Content-Length"), std::to_string(wire::gzip(large).size()));
  EXPECT_EQ(seen.at(3).body, wire::gzip(large));
  EXPECT_EQ(field(seen.at(3), "Transfer-Encoding"), "chunked");
  EXPECT_EQ(seen.at(4).body, large);
}

TEST(RequestCoding, ARetrySendsTheSameBytes) {
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest&) {
    return Script{.bytes = count++ % 2 == 0 ? support::status(503) : support::ok("")};
  });
  Caller caller = caller_of(server, "[services.echo.request]\ngzip = true\n");
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919 % 10007) + ",";
  char path[] = "/tmp/callerapi_coding_XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(fd);

  auto memory = caller.call("echo", "put", Request{}.path("id", "1").body(Body::text(text)));
  auto file = caller.call("echo", "put", Request{}.path("id", "1").body(Body::file(path).value()));
  ::unlink(path);

  ASSERT_TRUE(memory && file);
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].body, seen[1].body);
  EXPECT_EQ(seen[2].body, seen[3].body);
  EXPECT_LT(seen[2].body.size(), text.size());
}

}  // namespace
}  // namespace callerapi
