// discovery = "http": another service of the registry says where this one runs.
#include <utility>
#include <vector>

#include "caller/polled_sites.hpp"
#include "discovery_fixture.hpp"

namespace callerapi::caller {
namespace {

using policy::Site;
using support::ScriptedServer;
using support::SeenRequest;

std::string refused(std::string_view text) {
  const auto read = read_places(text, "http");
  return read ? "accepted" : read.error().message;
}

TEST(Places, AreHostAndPortOrAUrlPerhapsWithAWeight) {
  const auto read = read_places(
      R"({"ttl": 3, "instances": [{"host": "a.test", "port": 80}, {"host": "::1", "port": 81,
          "weight": 7, "zone": "x"}, {"url": "http://10.0.0.1:82", "weight": 100},
          {"url": "http://b.test"}]})",
      "http");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, (std::vector<Site>{
                       {"a.test", 80}, {"::1", 81, 7}, {"10.0.0.1", 82, 100}, {"b.test", 80}}));
}

TEST(Places, WhatIsWrongIsNamed) {
  const std::string second = R"({"instances": [{"host": "a", "port": 80}, )";
  const std::string at = "instances[1]: ";
  const std::string url =
      at +
      "expected a url such as http://10.0.0.1:8080, with the scheme of base_url and without a path";
  const std::string host = at + "expected host as text and port as a number from 1 to 65535";
  const std::string weight = at + "its weight must be a whole number from 1 to 100";
  const std::pair<std::string, std::string> cases[] = {
      {"", "the answer is not JSON"},
      {"<html>", "the answer is not JSON"},
      {"[]", "the answer is no object with an array \"instances\""},
      {R"({"instances": {}})", "the answer is no object with an array \"instances\""},
      {R"({"instances": []})", "the answer names no instance"},
      {second + "7]}", at + "expected an object"},
      {second + "{}]}", at + "expected url, or host and port"},
      {second + R"({"url": "http://b", "host": "b"}]})", at + "expected url, or host and port"},
      {second + R"({"host": "b"}]})", host},
      {second + R"({"host": "b", "port": "80"}]})", host},
      {second + R"({"host": "b", "port": 0}]})", host},
      {second + R"({"host": "b", "port": 65536}]})", host},
      {second + R"({"host": 7, "port": 80}]})", host},
      {second + R"({"host": "b/c", "port": 80}]})",
       at + "its host is neither a name nor an address"},
      {second + R"({"host": "b\n", "port": 80}]})",
       at + "its host is neither a name nor an address"},
      {second + R"({"host": "", "port": 80}]})", at + "its host is neither a name nor an address"},
      {second + R"({"url": "https://b"}]})", url},
      {second + R"({"url": "http://b/c"}]})", url},
      {second + R"({"url": "http://user:secret@b"}]})", url},
      {second + R"({"url": 7}]})", url},
      {second + R"({"host": "b", "port": 80, "weight": 0}]})", weight},
      {second + R"({"host": "b", "port": 80, "weight": 101}]})", weight},
      {second + R"({"host": "b", "port": 80, "weight": 1.5}]})", weight},
      {second + R"({"host": "b", "port": 80, "weight": "2"}]})", weight},
      {second + R"({"host": "a", "port": 80}]})", at + "is named twice; give it a weight instead"},
      {std::string(262'145, ' '), "the answer is longer than 262144 bytes"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refused(text), message) << text.substr(0, 99);
}

TEST(Places, AThousandAreTheMost) {
  std::string text = R"({"instances": [)";
  for (int i = 1; i <= 1000; ++i)
    text += (i > 1 ? "," : "") + std::string(R"({"host":"a","port":)") + std::to_string(i) + "}";
  EXPECT_EQ(refused(text + "]}"), "accepted");
  EXPECT_EQ(refused(text + R"(,{"host":"b","port":1}]})"),
            "instances[1000]: is one more than 1000 instances");
}

class HttpDiscovery : public DiscoveryTest {
 protected:
  void open_http() {
    open(
        "base_url = \"http://127.0.0.1:9\"\ndiscovery = \"http\"\n"
        "instances_from = \"places/v1/svc\"\n" +
        asked());
  }
  std::string asked() const {
    return "[services.places]\nplugin = \"static:echo\"\nbase_url = \"" + places_.url() +
           "\"\nretry.max_attempts = 1\nbreaker.mode = \"off\"\n";
  }
  void answer(std::string bytes) {
    base::Lock lock(mutex_);
    bytes_ = std::move(bytes);
  }
  static std::string list(const std::string& instances) {
    return "{\"instances\": [" + instances + "]}";
  }
  static std::string tagged(const std::string& body, const std::string& tag) {
    return "HTTP/1.1 200 OK\r\nETag: " + tag +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::vector<std::string> heads() {
    base::Lock lock(mutex_);
    return heads_;
  }
  bool fails_with(const std::string& why) {
    return soon([&] {
      pass(std::chrono::seconds(1));
      return failing().find(why) != std::string::npos;
    });
  }

  std::string bytes_ = support::ok(list(R"({"host": "10.0.0.1", "port": 80})"));
  std::vector<std::string> heads_;
  ScriptedServer places_{[this](const SeenRequest& request) {
    base::Lock lock(mutex_);
    heads_.push_back(request.method + " " + request.target + "\n" + request.head);
    return support::Script{.bytes = bytes_};
  }};
};

TEST_F(HttpDiscovery, TheServiceThatIsAskedSaysWhereEveryTenSeconds) {
  open_http();
  ASSERT_TRUE(soon([&] { return names() == "10.0.0.1:80 "; })) << failing() << "without a second";
  EXPECT_EQ(heads().at(0).find("GET /v1/svc\n"), 0u) << heads().at(0);
  answer(support::ok(list(R"({"url": "http://10.0.0.2:81", "weight": 3})")));
  pass(std::chrono::seconds(9));
  EXPECT_EQ(heads().size(), 1u);
  EXPECT_TRUE(becomes("10.0.0.2:81 x3 "));
  EXPECT_EQ(host_->stats().generation, 1u);
}

TEST_F(HttpDiscovery, TheETagOfTheLastAnswerIsSentAndNotModifiedKeepsTheSet) {
  answer(tagged(list(R"({"host": "10.0.0.1", "port": 80})"), "\"one\""));
  open_http();
  ASSERT_TRUE(soon([&] { return names() == "10.0.0.1:80 "; })) << failing();
  EXPECT_EQ(heads().at(0).find("If-None-Match"), std::string::npos);
  answer("HTTP/1.1 304 Not Modified\r\n\r\n");
  ASSERT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return heads().size() >= 2;
  }));
  EXPECT_NE(heads().at(1).find("If-None-Match: \"one\"\r\n"), std::string::npos) << heads().at(1);
  // Time may have run ahead of one of the answers.
  EXPECT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return failing().empty();
  })) << failing();
  EXPECT_EQ(names(), "10.0.0.1:80 ");
}

TEST_F(HttpDiscovery, AnotherSchemeOfBaseUrlIsThatOfTheNextAnswers) {
  answer(support::ok(list(R"({"url": "http://10.0.0.1:80"})")));
  open_http();
  ASSERT_TRUE(soon([&] { return names() == "10.0.0.1:80 "; })) << failing();
  answer(support::ok(list(R"({"url": "https://10.0.0.2:443"})")));
  write_registry(
      "base_url = \"https://127.0.0.1:9\"\ndiscovery = \"http\"\n"
      "instances_from = \"places/v1/svc\"\ntls.verify = \"off\"\n" +
      asked());
  ASSERT_TRUE(host_->reload());
  EXPECT_TRUE(becomes("10.0.0.2:443 ")) << failing();
}

TEST_F(HttpDiscovery, EveryFailureKeepsTheSetAndIsTold) {
  open_http();
  ASSERT_TRUE(soon([&] { return names() == "10.0.0.1:80 "; }));
  const auto keeps = [&](const std::string& bytes, const std::string& why) {
    answer(bytes);
    EXPECT_TRUE(fails_with("places /v1/svc: " + why)) << failing();
    EXPECT_EQ(names(), "10.0.0.1:80 ");
    pass(std::chrono::seconds(1));
    EXPECT_NE(failing(), "") << "between two polls, too";
  };
  keeps("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "it answered 503, expected 200");
  keeps("HTTP/1.1 304 Not Modified\r\n\r\n", "it answered 304, expected 200");
  keeps(support::ok(list("")), "the answer names no instance");
  keeps(support::ok(list(R"({"host": "10.0.0.7", "port": 80}, 7)")),
        "instances[1]: expected an object");
  keeps("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "places GET: response_too_large");
  keeps("nonsense\r\n\r\n", "places GET: protocol_error");
  EXPECT_NE(logged().find("svc: its instances stay as they are: places /v1/svc: "),
            std::string::npos)
      << logged();
  answer(support::ok(list(R"({"host": "10.0.0.9", "port": 80})")));
  EXPECT_TRUE(becomes("10.0.0.9:80 "));
  // Its clock runs ahead of a busy machine, so that a question may have come to its end since.
  EXPECT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return failing().empty();
  })) << failing();
}

TEST_F(HttpDiscovery, OneThatNeverAnswersEndsAfterFiveSecondsAndHoldsUpNobody) {
  answer("");
  open_http();
  ASSERT_TRUE(soon([&] { return heads().size() == 1; }));
  pass(std::chrono::seconds(3));
  EXPECT_EQ(failing(), "") << "still asking";
  EXPECT_TRUE(fails_with("places /v1/svc: places GET: "));
  EXPECT_EQ(names(), "127.0.0.1:9 ");
}

TEST_F(HttpDiscovery, RetiringWhileTheQuestionIsOpenLeavesNothingBehind) {
  answer("");
  open_http();
  ASSERT_TRUE(soon([&] { return heads().size() == 1; }));
  const auto gone = std::weak_ptr(host_->snapshot()->services.at("svc")->discovery);
  write("registry.toml", "schema = 1\n" + asked());
  ASSERT_TRUE(host_->reload());
  EXPECT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return gone.expired() && host_->stats().calls_in_flight == 0;
  }));
  // And the other way round: who is asked goes first.
  answer("");
  const auto before = heads().size();
  write_registry(
      "base_url = \"http://127.0.0.1:9\"\ndiscovery = \"http\"\n"
      "instances_from = \"places/v1/svc\"\n" +
      asked());
  ASSERT_TRUE(host_->reload());
  ASSERT_TRUE(soon([&] {
    pass(std::chrono::seconds(1));
    return heads().size() > before;
  }));
  write("registry.toml", "schema = 1\nallow_empty = true\n");
  ASSERT_TRUE(host_->reload());
  host_.reset();
}

}  // namespace
}  // namespace callerapi::caller
