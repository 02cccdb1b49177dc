#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "callerapi/client.hpp"
#include "callerapi/plugin.hpp"
#include "support/push_server.hpp"
#include "support/scripted_server.hpp"

namespace watched {

using namespace callerapi::dsl;

struct Feed {
  static constexpr std::string_view id = "feed", version = "1.0.0", owner = "team-feed";
  using api = endpoints<get<"watch", "/watch", bytes>>;
  static inline std::atomic<int> alive{0};
  explicit Feed(callerapi::HostView) { ++alive; }
  ~Feed() { --alive; }
  Feed(const Feed&) = delete;
  void sign(callerapi::SignRequest& request) { request.header("X-Signed", "yes"); }
};

}  // namespace watched

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::PushServer;
using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

constexpr const char* head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

Options options_of() {
  Options options;
  options.static_plugins = {&static_plugin<watched::Feed>};
  options.environment.emplace();
  return options;
}

bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return holds();
}

TEST(TypedStream, NoPartOfThePluginIsHeldWhileABodyIsRead) {
  PushServer server;
  const std::string file =
      ::testing::TempDir() + "callerapi_stream_" + std::to_string(::getpid()) + ".toml";
  const auto write = [&](const char* token) {
    std::ofstream(file) << "schema = 1\n[services.feed]\nplugin = \"static:feed\"\nbase_url = \""
                        << server.url() << "\"\nconfig = { token = \"" << token << "\" }\n";
  };
  write("one");
  Options options = options_of();
  options.watch = false;
  Caller caller = Caller::open(file, std::move(options)).value();
  Client<watched::Feed> feed(caller);
  auto opening = feed.start_stream<"watch">();
  EXPECT_NE(server.accept_request().find("X-Signed: yes"), std::string::npos);
  server.send(head);
  auto stream = std::move(opening).get();
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(watched::Feed::alive, 1);

  write("two");
  ASSERT_TRUE(caller.reload());
  EXPECT_TRUE(eventually([] { return watched::Feed::alive == 1; })) << "the old plugin is gone";
  server.send("3\r\none\r\n0\r\n\r\n");
  EXPECT_EQ(stream->read_all().value(), "one") << "the stream goes on";
  std::filesystem::remove(file);
}

TEST(TypedStream, TurnsAStatusIntoAnError) {
  ScriptedServer server(
      [](const SeenRequest&) { return Script{.bytes = support::status(404, "none")}; });
  Options options = options_of();
  Caller caller =
      Caller::from_toml("schema = 1\n[services.feed]\nplugin = \"static:feed\"\nbase_url = \"" +
                            server.url() + "\"\n",
                        std::move(options))
          .value();

  auto stream = Client<watched::Feed>(caller).stream<"watch">();

  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().outcome, Outcome::http_status);
  EXPECT_EQ(stream.error().status, 404);
  EXPECT_EQ(stream.error().detail->body_excerpt, "none");
  EXPECT_GT(stream.error().time.total(), Duration::zero());
}

}  // namespace
}  // namespace callerapi
