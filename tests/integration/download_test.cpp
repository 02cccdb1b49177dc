#include "callerapi/download.hpp"

#include <gtest/gtest.h>

#include <sys/fsuid.h>
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using support::Script;
using support::ScriptedServer;
using support::SeenRequest;

Caller caller_of(const ScriptedServer& server) {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               server.url() + "\"\n",
                           std::move(options))
      .value();
}

std::string field(const SeenRequest& request, const std::string& name) {
  const auto at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

/// An empty folder for as long as a test.
class Download : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "callerapi_download_" + std::to_string(::getpid());
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/document"; }
  std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
  Result<Downloaded> fetch(ScriptedServer& server, Request request = {}) {
    Caller caller = caller_of(server);
    return download(caller, "echo", "get", std::move(request).path("id", "1"), path());
  }
  std::string folder_;
};

std::string document() {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ",";
  return text;
}

/// Answers ranges of `text`, each time only `step` bytes of what was asked for before it breaks
/// off.
Script part_of(const std::string& text, const SeenRequest& request, std::size_t step,
               const std::string& etag) {
  const std::string range = field(request, "Range");
  const std::size_t from = range.empty() ? 0 : std::stoul(range.substr(6));
  const std::size_t left = text.size() - from;
  std::string head = range.empty() ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 206 Partial Content\r\n";
  if (!range.empty())
    head += "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(text.size() - 1) +
            "/" + std::to_string(text.size()) + "\r\n";
  head += "ETag: " + etag + "\r\nContent-Length: " + std::to_string(left) + "\r\n\r\n";
  return {.bytes = head + text.substr(from, step), .close = left > step};
}

TEST_F(Download, BringsTheWholeDocumentUnderItsName) {
  const std::string text = document();
  ScriptedServer server([&](const SeenRequest&) { return Script{.bytes = support::ok(text)}; });
  std::ofstream(path()) << "the old one";

  auto got = fetch(server);

  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->bytes, text.size());
  EXPECT_EQ(got->resumed, 0);
  EXPECT_TRUE(content() == text);
  EXPECT_EQ(files(), 1);
  EXPECT_EQ(field(server.requests().at(0), "Accept-Encoding"), "identity");
}

TEST_F(Download, GoesOnWhereTheConnectionBrokeWhenTheETagIsStrong) {
  const std::string text = document();
  ScriptedServer server(
      [&](const SeenRequest& request) { return part_of(text, request, 200'000, "\"v1\""); });

  auto got = fetch(server);

  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->resumed, 2);
  EXPECT_TRUE(content() == text);
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(field(seen[1], "Range"), "bytes=200000-");
  EXPECT_EQ(field(seen[1], "If-Range"), "\"v1\"");
  EXPECT_EQ(field(seen[2], "Range"), "bytes=400000-");
}

TEST_F(Download, BeginsAnewWhenTheDocumentHasChanged) {
  const std::string text = document(), other = "another document";
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest& request) {
    return count++ == 0 ? part_of(text, request, 200'000, "\"v1\"")
                        : Script{.bytes = support::ok(other, "ETag: \"v2\"\r\n")};
  });

  auto got = fetch(server);

  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->bytes, other.size());
  EXPECT_EQ(content(), other);
}

TEST_F(Download, AnErrorLeavesTheNameAsItWas) {
  const std::string text = document();
  std::string etag = "W/\"v1\"";
  std::size_t step = 200'000;
  ScriptedServer server(
      [&](const SeenRequest& request) { return part_of(text, request, step, etag); });

  auto weak = fetch(server);
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().outcome, Outcome::response_truncated);
  EXPECT_EQ(server.requests().size(), 1u) << "a weak ETag says nothing of bytes";
  EXPECT_EQ(files(), 0);

  std::ofstream(path()) << "the old one";
  etag = "\"v1\"";
  step = 10;
  auto crumbs = fetch(server);
  ASSERT_FALSE(crumbs);
  EXPECT_EQ(crumbs.error().outcome, Outcome::response_truncated);
  EXPECT_EQ(server.requests().size(), 10u) << "8 times it went on";
  EXPECT_EQ(content(), "the old one");
  EXPECT_EQ(files(), 1);
}

TEST_F(Download, AnotherPartThanAskedForIsRefused) {
  const std::string text = document();
  std::atomic<int> count{0};
  ScriptedServer server([&](const SeenRequest& request) {
    if (count++ == 0) return part_of(text, request, 200'000, "\"v1\"");
    return Script{.bytes = support::status(206, "abc", "Content-Range: bytes 5-7/8\r\n")};
  });

  auto got = fetch(server);

  EXPECT_EQ(got.error().message, "echo.get: asked for the bytes from 200000 on, got another part");
  EXPECT_EQ(files(), 0);
}

TEST_F(Download, PartsOfTwoDocumentsAreNotPutTogether) {
  const std::string text = document(), other(text.size(), 'x');
  ScriptedServer server([&](const SeenRequest& request) {
    // It does not know If-Range.
    return field(request, "Range").empty() ? part_of(text, request, 200'000, "\"v1\"")
                                           : part_of(other, request, text.size(), "\"v2\"");
  });

  auto got = fetch(server);

  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "content_range");
  EXPECT_EQ(files(), 0);
}

TEST_F(Download, APartOfAWholeOfUnknownLengthIsNotTakenForTheRest) {
  ScriptedServer server([&](const SeenRequest& request) {
    if (field(request, "Range").empty())
      return Script{.bytes =
                        "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n",
                    .close = true};
    return Script{.bytes =
                      support::status(206, "de", "ETag: \"v1\"\r\nContent-Range: bytes 3-4/*\r\n")};
  });

  auto got = fetch(server);

  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message,
            "echo.get: the bytes from 3 on came without the length of the whole, so that nobody "
            "knows whether they are all");
  EXPECT_EQ(files(), 0);
}

TEST_F(Download, IsOfTheUrlAndUnderTheContextOfTheRequest) {
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("it")}; });
  ASSERT_TRUE(fetch(server, Request{}.at("/elsewhere")));
  EXPECT_EQ(server.requests().at(0).target, "/elsewhere");

  Context over;
  over.deadline = std::chrono::steady_clock::now();
  const auto late = fetch(server, Request{}.context(over));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().outcome, Outcome::deadline_exceeded);
}

TEST_F(Download, WhatIsNoDocumentIsSaid) {
  ScriptedServer server([](const SeenRequest& request) {
    return Script{.bytes = request.target.ends_with("/1") ? support::status(404, "none")
                                                          : support::status(204)};
  });
  Caller caller = caller_of(server);

  auto missing = fetch(server);
  auto range = fetch(server, Request{}.header("Range", "bytes=0-"));
  auto nowhere = download(caller, "echo", "get", Request{}.path("id", "1"), "/nowhere/x");

  EXPECT_EQ(missing.error().message, "echo.get: HTTP 404 after 1 attempt");
  EXPECT_GT(missing.error().time.total(), Duration::zero());
  EXPECT_EQ(missing.error().detail->body_excerpt, "none");
  EXPECT_EQ(range.error().message, "download: leave out Range; the whole document is fetched");
  EXPECT_EQ(nowhere.error().message,
            "/nowhere/x: cannot make a file beside it: No such file or directory");
  EXPECT_EQ(files(), 0);
}

/// For as long as it lives this thread may do with files what anybody may, even as root.
class AsAnybody {
 public:
  AsAnybody() : before_(::setfsuid(nobody)) {}
  ~AsAnybody() { ::setfsuid(static_cast<uid_t>(before_)); }
  AsAnybody(const AsAnybody&) = delete;
  AsAnybody& operator=(const AsAnybody&) = delete;
  static constexpr uid_t nobody = 65534;

 private:
  const int before_;
};

TEST_F(Download, IntoAFolderThatCannotBeListedIsWhole) {
  namespace fs = std::filesystem;
  ScriptedServer server([](const SeenRequest&) { return Script{.bytes = support::ok("new")}; });
  const bool ours = ::geteuid() != 0 || ::chown(folder_.c_str(), AsAnybody::nobody, 0) == 0;
  ASSERT_TRUE(ours);
  fs::permissions(folder_, fs::perms::owner_write | fs::perms::owner_exec);
  const auto got = [&] {
    const AsAnybody anybody;
    return fetch(server);
  }();
  fs::permissions(folder_, fs::perms::owner_all);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(content(), "new");
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace callerapi
