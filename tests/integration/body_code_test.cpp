// What a body does to its call: its own code, which may be slow or throw, and an end that we give
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/coded.hpp"
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
using Steady = std::chrono::steady_clock;

Caller caller_of(const std::string& url, const std::string& more = "") {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\nretry.base = \"1ms\"\nbreaker.mode = \"off\"\n" + more,
                           std::move(options))
      .value();
}

void spend(Steady::duration time) {
  const auto began = Steady::now();
  while (Steady::now() - began < time) continue;
}

/// Does with each piece what it is made for.
class Sink final : public BodySink {
 public:
  explicit Sink(std::function<void()> write) : write_(std::move(write)) {}
  bool write(std::span<const char> bytes) override {
    taken += bytes.size();
    ++visits;
    write_();
    return true;
  }
  std::atomic<std::size_t> taken{0};
  std::atomic<int> visits{0};

 private:
  const std::function<void()> write_;
};

using Ask = Result<Response> (*)(Caller&, std::string, Request);
Result<Response> ask_here(Caller& caller, std::string endpoint, Request request) {
  return caller.call("echo", endpoint, std::move(request));
}
Result<Response> ask_on_loop(Caller& caller, std::string endpoint, Request request) {
  return caller.start("echo", endpoint, std::move(request)).get();
}

class BodyCode : public ::testing::TestWithParam<Ask> {
 protected:
  static Result<Response> ask(Caller& caller, Request request, std::string endpoint = "get") {
    return GetParam()(caller, std::move(endpoint), std::move(request).path("id", "1"));
  }
};
std::string driver_name(const ::testing::TestParamInfo<Ask>& driver) {
  return driver.param == ask_here ? "ThisThread" : "TheLoop";
}
INSTANTIATE_TEST_SUITE_P(, BodyCode, ::testing::Values(ask_here, ask_on_loop), driver_name);

constexpr const char* until_close = "HTTP/1.1 200 OK\r\n\r\n";

/// Sends `bytes` again and again behind `head` to whoever asks first.
class Flood {
 public:
  Flood(std::string head, std::string bytes)
      : thread_([this, head = std::move(head), bytes = std::move(bytes)] {
          server_.accept_request();
          server_.send(head);
          while (server_.send(bytes)) continue;
        }) {}
  ~Flood() { thread_.join(); }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  std::string url() const { return server_.url(); }

 private:
  PushServer server_;
  std::thread thread_;
};

std::string numbers() {
  std::string text;
  for (unsigned i = 0; text.size() < 1u << 20; ++i) text += std::to_string(i * i % 10'007) + ",";
  return text;
}

/// However many pieces one read brings: the deadline is looked at after each.
TEST_P(BodyCode, ASinkThatIsSlowerThanItsPeerMovesNoDeadline) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::pair<std::string, std::string> answers[] = {
      {"\r\n", std::string(64 << 10, 'x')},
      {"Transfer-Encoding: chunked\r\n\r\n", "3e8\r\n" + std::string(1000, 'x') + "\r\n"},
      {"Content-Encoding: gzip\r\n\r\n", support::coded(numbers())}};
  for (const auto& [fields, bytes] : answers) {
    Flood flood(head + fields, bytes);
    Caller caller = caller_of(flood.url());
    const auto sink = std::make_shared<Sink>([] { spend(5ms); });
    const auto got = ask(caller, Request{}.timeout(200ms).into(sink));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().outcome, Outcome::deadline_exceeded) << got.error().message;
    EXPECT_LE(sink->visits, 200 / 5 + 1) << fields;
  }
}

/// Gives `size` bytes at a time, slowly, and a hundred times as often as the deadline allows.
Body slow_source(std::size_t size, std::atomic<int>& reads) {
  return Body::generated([size, &reads](std::span<char> into) -> Result<std::size_t> {
    if (++reads > 1000) return 0u;
    spend(5ms);
    const std::size_t given = std::min(size, into.size());
    std::fill_n(into.begin(), given, 'x');
    return given;
  });
}

TEST_P(BodyCode, ASourceThatIsSlowerThanItsPeerMovesNoDeadline) {
  struct Row {
    const char* what;
    std::size_t piece;
    bool multipart;
    const char* more;
  };
  for (const Row& row : {Row{"a byte at a time", 1, false, ""}, Row{"multipart", 1, true, ""},
                         Row{"gzip of bytes", 1, false, "request.gzip = true\n"},
                         Row{"gzip of much", 64u << 10, false, "request.gzip = true\n"}}) {
    PushServer server;
    Caller caller = caller_of(server.url(), row.more);
    std::atomic<int> reads{0};
    Body body = slow_source(row.piece, reads);
    Multipart parts;
    if (row.multipart) parts.part({"part", "", "", std::move(body)});
    Request request = row.multipart ? Request{}.timeout(200ms).multipart(std::move(parts))
                                    : Request{}.timeout(200ms).body(std::move(body));
    const auto got = GetParam() == ask_here
                         ? caller.request("echo", "PUT", "/", std::move(request))
                         : caller.start_request("echo", "PUT", "/", std::move(request)).get();
    ASSERT_FALSE(got) << row.what;
    EXPECT_EQ(got.error().outcome, Outcome::deadline_exceeded) << got.error().message;
    EXPECT_LE(reads, 200 / 5 + 1) << row.what;
  }
}

TEST_P(BodyCode, ASinkThatThrowsEndsItsCallAndNothingElse) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("body")}; });
  Caller caller = caller_of(server.url());
  for (int i = 0; i < 3; ++i) {
    const auto got =
        ask(caller,
            Request{}.into(std::make_shared<Sink>([] { throw std::runtime_error("disk full"); })));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().outcome, Outcome::cancelled);
    EXPECT_NE(got.error().message.find("the body sink threw: disk full"), std::string::npos)
        << got.error().message;
  }
  EXPECT_TRUE(ask(caller, Request{}));
  EXPECT_EQ(caller.stats().connections_open, 1u) << "of those that broke none is left";
}

/// Throws where it is told to.
struct Throwing final : BodySource {
  explicit Throwing(bool reads) : reads_(reads) {}
  Result<std::size_t> read(std::span<char> into) override {
    if (!reads_) throw std::runtime_error("no such row");
    if (std::exchange(over_, true)) return 0u;
    into[0] = 'x';
    return 1u;
  }
  std::optional<std::uint64_t> length() const override { throw std::runtime_error("who knows"); }
  bool rewind() override { throw std::runtime_error("never"); }
  bool rewindable() const override { throw std::runtime_error("never"); }
  const bool reads_;
  bool over_ = false;
};

TEST_P(BodyCode, ASourceThatThrowsEndsItsCallAndNothingElse) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::status(503)}; });
  Caller caller = caller_of(server.url());
  const auto ask_with = [&](bool reads) {
    return ask(caller,
               Request{}.body(Body::source(std::make_unique<Throwing>(reads), "text/plain")),
               "put");
  };
  const auto unread = ask_with(false);
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().outcome, Outcome::body_source_error);
  EXPECT_NE(unread.error().message.find("the body source threw: no such row"), std::string::npos)
      << unread.error().message;
  const auto once = ask_with(true);
  ASSERT_TRUE(once) << once.error().message;
  EXPECT_EQ(once->status, 503);
}

Caller scripted_caller() {
  auto transport = std::make_shared<testing::ScriptedTransport>();
  transport->on("echo", "get", testing::json_response("{}"));
  transport->on("echo", "put", testing::json_response("{}"));
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = std::move(transport);
  return Caller::from_toml(
             "schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = "
             "\"http://svc.test\"\nretry.max_attempts = 1\n",
             std::move(options))
      .value();
}

TEST_P(BodyCode, ASinkThatThrowsEndsItsCallWithATestingTransportToo) {
  Caller caller = scripted_caller();
  const auto got =
      ask(caller,
          Request{}.into(std::make_shared<Sink>([] { throw std::runtime_error("disk full"); })));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().outcome, Outcome::cancelled);
  EXPECT_EQ(got.error().reason, "sink");
  EXPECT_NE(got.error().message.find("the body sink threw: disk full"), std::string::npos)
      << got.error().message;
}

TEST_P(BodyCode, ASourceThatClaimsTooMuchIsReadNoFurtherThanItsRoomWithATestingTransportToo) {
  Caller caller = scripted_caller();
  const auto boastful = [](std::span<char> into) -> Result<std::size_t> {
    return into.size() + (std::size_t{1} << 30);
  };
  const auto got = ask(caller, Request{}.body(Body::generated(boastful)), "put");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().outcome, Outcome::body_source_error);
  EXPECT_NE(
      got.error().message.find("request body: its source claims more bytes than it was asked for"),
      std::string::npos)
      << got.error().message;
}

TEST(BodyEnd, ThatWeGiveToABodyWithoutLengthIsNoSuccess) {
  for (const bool shut_down : {false, true}) {
    PushServer server;
    Caller caller = caller_of(server.url());
    const auto sink = std::make_shared<Sink>([] {});
    auto call =
        caller.start("echo", "get",
                     Request{}.path("id", "1").timeout(20s).into(std::shared_ptr<BodySink>(sink)));
    server.accept_request();
    server.send(std::string(until_close) + "part");
    while (sink->taken < 4) std::this_thread::yield();
    if (shut_down) {
      caller.shutdown(0ms);
    } else {
      call.cancel();
    }
    const auto got = std::move(call).get();
    ASSERT_FALSE(got) << "half of a body is no body";
    EXPECT_EQ(got.error().outcome, shut_down ? Outcome::shutdown : Outcome::cancelled)
        << got.error().message;
  }
}

TEST(BodyEnd, ThatAShutdownGivesToABlockingCallIsNoSuccess) {
  PushServer server;
  Caller caller = caller_of(server.url());
  const auto sink = std::make_shared<Sink>([] {});
  auto call = std::async(std::launch::async, [&] {
    return caller.call("echo", "get", Request{}.path("id", "1").timeout(20s).into(sink));
  });
  server.accept_request();
  server.send(std::string(until_close) + "part");
  while (sink->taken < 4) std::this_thread::yield();
  caller.shutdown(0ms);
  const auto got = call.get();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().outcome, Outcome::shutdown) << got.error().message;
}

/// A Caller whose every thread for streamed bodies is held by a source that waits for open().
class FullLane : public ::testing::Test {
 protected:
  FullLane() : server_([](const SeenRequest&) { return Script{.bytes = support::ok("taken")}; }) {
    constexpr int threads = 16;
    for (int i = 0; i < threads; ++i)
      held_.push_back(start(Request{}.body(Body::generated([this](std::span<char>) {
                        ++began_;
                        opened_.wait();
                        return Result<std::size_t>(0u);
                      }))).future());
    while (began_ < threads) std::this_thread::yield();
  }
  ~FullLane() override { open(); }

  Call<Response> start(Request request) {
    return caller_->start("echo", "put", std::move(request).path("id", "1"));
  }
  /// One that finds no thread.
  Call<Response> start_behind(Duration timeout) {
    return start(Request{}.timeout(timeout).body(
        Body::generated([](std::span<char>) { return Result<std::size_t>(0u); })));
  }
  void open() {
    if (std::exchange(open_, true)) return;
    gate_.set_value();
  }
  /// How it ended while all threads were held.
  static Result<Response> end_of(std::future<Result<Response>> call) {
    if (call.wait_for(10s) == std::future_status::ready) return call.get();
    return Error{.message = "it waits for a thread"};
  }

  ScriptedServer server_;
  std::promise<void> gate_;
  std::shared_future<void> opened_ = gate_.get_future().share();
  bool open_ = false;
  std::atomic<int> began_{0};
  std::vector<std::future<Result<Response>>> held_;
  std::optional<Caller> caller_ = caller_of(server_.url());
};

TEST_F(FullLane, ACallBehindItEndsAtItsDeadline) {
  const auto got = end_of(start_behind(100ms).future());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().outcome, Outcome::deadline_exceeded) << got.error().message;
  EXPECT_EQ(got.error().sent, Sent::no);
}

TEST_F(FullLane, OfTwoBehindItEachEndsAtItsOwnDeadline) {
  auto late = start_behind(300ms).future();
  auto soon = start_behind(100ms).future();
  EXPECT_EQ(end_of(std::move(soon)).error().outcome, Outcome::deadline_exceeded);
  EXPECT_EQ(end_of(std::move(late)).error().outcome, Outcome::deadline_exceeded);
}

TEST_F(FullLane, ACallBehindItCanBeCancelledAndTheOthersGoOn) {
  auto other = start_behind(20s).future();
  auto call = start_behind(20s);
  const auto cancel = call.canceller();
  auto ended = std::move(call).future();
  cancel();
  EXPECT_EQ(end_of(std::move(ended)).error().outcome, Outcome::cancelled);
  EXPECT_EQ(other.wait_for(0s), std::future_status::timeout);
  open();
  for (auto& one : held_) EXPECT_TRUE(one.get());
  EXPECT_TRUE(other.get());
}

TEST_F(FullLane, ACallBehindThoseThatEndedHasTheirThread) {
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(end_of(start_behind(20ms).future()).error().outcome, Outcome::deadline_exceeded);
  std::vector<std::future<Result<Response>>> others;
  for (int i = 0; i < 20; ++i) others.push_back(start_behind(20s).future());
  open();
  for (auto& other : others) EXPECT_TRUE(end_of(std::move(other)));
  for (auto& one : held_) EXPECT_TRUE(one.get());
}

TEST_F(FullLane, ACallBehindItIsEndedByAShutdown) {
  auto call = start_behind(20s).future();
  caller_->shutdown(0s);
  EXPECT_EQ(end_of(std::move(call)).error().outcome, Outcome::shutdown);
}

}  // namespace
}  // namespace callerapi
