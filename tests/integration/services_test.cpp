#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "demo_process.hpp"

namespace callerapi::cli {
namespace {

// SHA-256 of "hello".
const std::string hello_id = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const std::string hello_path = "/v1/blobs/" + hello_id;

struct Answer {
  int status = 0;
  std::string body;
};

/// One real service on a port of its own, asked by Poco's client rather than by ours.
class Service {
 public:
  explicit Service(const std::string& name)
      : process_(std::string(CALLERAPI_TEST_BIN) + "/callerapi-" + name, folder_) {
    if (auto started = process_.start(); !started) ADD_FAILURE() << started.error().message;
  }
  ~Service() {
    process_.stop();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& range = "") {
    Poco::Net::HTTPClientSession session("127.0.0.1", process_.port());
    Poco::Net::HTTPRequest request(method, target, "HTTP/1.1");
    if (!range.empty()) request.set("Range", range);
    request.setContentLength64(static_cast<Poco::Int64>(body.size()));
    session.sendRequest(request) << body;
    Poco::Net::HTTPResponse response;
    Answer answer;
    Poco::StreamCopier::copyToString(session.receiveResponse(response), answer.body);
    answer.status = response.getStatus();
    return answer;
  }
  ServiceProcess& process() { return process_; }

 private:
  static std::string make_folder() {
    std::string path = testing::TempDir() + "/service-XXXXXX";
    return mkdtemp(path.data()) != nullptr ? path : "";
  }
  const std::string folder_ = make_folder();
  ServiceProcess process_;
};

TEST(StorageService, StoringTwiceIsStoringOnce) {
  Service storage("storage");
  EXPECT_EQ(storage.ask("PUT", hello_path + "?name=a", "hello").status, 201);
  EXPECT_EQ(storage.ask("PUT", hello_path + "?name=b", "hello").status, 200);
  EXPECT_NE(storage.ask("GET", "/v1/blobs").body.find("\"total\":1,"), std::string::npos);
}

TEST(StorageService, BytesThatAreNotTheirIdAreRefused) {
  Service storage("storage");
  EXPECT_EQ(storage.ask("PUT", hello_path, "hellO").status, 422);
  EXPECT_EQ(storage.ask("PUT", "/v1/blobs/abc", "hello").status, 400);
  EXPECT_EQ(storage.ask("GET", hello_path).status, 404);
}

TEST(StorageService, ARangeIsAPart) {
  Service storage("storage");
  storage.ask("PUT", hello_path, "hello");
  const Answer part = storage.ask("GET", hello_path, "", "bytes=1-3");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ell");
  EXPECT_EQ(storage.ask("GET", hello_path, "", "bytes=9-").status, 416);
}

TEST(StorageService, WhatWasStoredOutlivesAKillAndThePortIsKept) {
  Service storage("storage");
  storage.ask("PUT", hello_path, "hello");
  const auto port = storage.process().port();
  storage.process().kill_now();
  ASSERT_TRUE(storage.process().start());
  EXPECT_EQ(storage.process().port(), port);
  EXPECT_EQ(storage.ask("GET", hello_path).body, "hello");
}

TEST(ExtractService, HtmlBecomesText) {
  Service extract("extract");
  EXPECT_EQ(extract.ask("POST", "/v1/extract?name=a.html", "<title>T</title><p>a<b>b</b>").body,
            R"({"text":"T\u000aab","title":"T","content_type":"text/html","pages":1})");
}

TEST(ExtractService, APdfThatIsNoneIsRefused) {
  Service extract("extract");
  EXPECT_EQ(extract.ask("POST", "/v1/extract?name=a", "%PDF-1.4 nonsense").status, 422);
}

TEST(SearchService, FindsWhatWasIndexedAndForgetsWhatWasRemoved) {
  Service search("search");
  const std::string query = R"({"query":"brown fox"})";
  EXPECT_EQ(search.ask("PUT", "/v1/documents/1", R"({"title":"t","text":"a brown fox"})").status,
            204);
  EXPECT_EQ(search.ask("PUT", "/v1/documents/1", R"({"title":"t","text":"the brown fox"})").status,
            204);
  const Answer found = search.ask("POST", "/v1/search", query);
  EXPECT_NE(found.body.find("\"total\":1,"), std::string::npos);
  EXPECT_NE(found.body.find("the [brown] [fox]"), std::string::npos);
  EXPECT_EQ(search.ask("DELETE", "/v1/documents/1").status, 204);
  EXPECT_NE(search.ask("POST", "/v1/search", query).body.find("\"total\":0,"), std::string::npos);
}

TEST(SearchService, OperatorsAreTakenAsWords) {
  Service search("search");
  EXPECT_EQ(search.ask("POST", "/v1/search", R"({"query":"a AND ( \" NEAR *"})").status, 200);
  EXPECT_EQ(search.ask("POST", "/v1/search", R"({"query":" "})").status, 400);
}

}  // namespace
}  // namespace callerapi::cli
