#include "callerapi/fake_host.hpp"

#include <gtest/gtest.h>

#include "callerapi/testing.hpp"
#include "wire/request_writer.hpp"
#include "wire/syntax.hpp"

namespace callerapi::testing {
namespace {

using namespace callerapi::dsl;

struct Tolls {
  static constexpr std::string_view id = "tolls", version = "1.0.0", owner = "tests";
  using api = endpoints<common>;

  explicit Tolls(HostView given) : host(given), token(given.config("token").value_or("")) {
    if (token.empty()) throw std::runtime_error("config.token is missing");
    if (token == "silent") throw std::runtime_error("");
    host.log(1, "made");
  }
  void on_request(SignRequest& request) { request.header(request.endpoint(), request.body()); }
  void sign(SignRequest& request) {
    request.header("X-Signed", token + " " + std::string(request.method()) + " " +
                                   std::to_string(host.unix_ms()));
  }
  void on_response(HookedResponse& response) {
    if (response.status() == 299) throw std::runtime_error("going away");
    if (response.status() == 298) throw std::runtime_error("");
  }
  std::string map_error(HookedResponse& response) { return std::string(response.body()); }

  HostView host;
  std::string token;
};

TEST(FakeHost, RunsEveryHookOverTheBorderWithItsConfigurationItsClockAndItsLog) {
  FakeHost host{{"token", "t"}};
  HookedPlugin<Tolls> plugin(host);
  host.advance(std::chrono::seconds(5));
  FakeRequest request{.method = "PUT", .endpoint = "X-Body", .body = "b"};

  EXPECT_EQ(plugin.on_request(request), "");
  EXPECT_EQ(plugin.sign(request), "");

  EXPECT_EQ(request.headers["x-body"], "b");
  EXPECT_EQ(request.headers["X-SIGNED"], "t PUT 5000");
  EXPECT_EQ(plugin.on_response({.status = 200}), "");
  EXPECT_EQ(plugin.on_response({.status = 299}), "going away");
  EXPECT_EQ(plugin.map_error({.status = 409, .body = "twice"}), "twice");
  ASSERT_EQ(host.logged().size(), 1u);
  EXPECT_EQ(host.logged()[0].message, "made");
}

struct Keeps {
  static constexpr std::string_view id = "keeps", version = "1.0.0", owner = "tests";
  using api = endpoints<common>;

  void sign(SignRequest& request) {
    const std::string_view first = *request.header("X-First");
    request.header("X-First", "new");
    request.header("X-Seen", std::string(first));
  }
};

TEST(FakeHost, WhatAHookWasLentStaysAsItWasWhenTheHeaderIsSet) {
  FakeHost host;
  HookedPlugin<Keeps> plugin(host);
  FakeRequest request{.headers = {{"X-First", "old"}}};

  EXPECT_EQ(plugin.sign(request), "");

  EXPECT_EQ(request.headers["X-First"], "new");
  EXPECT_EQ(request.headers["X-Seen"], "old");
}

TEST(FakeHost, AConstructorThatRefusesThrowsItsText) {
  FakeHost host;
  try {
    HookedPlugin<Tolls> plugin(host);
    FAIL() << "it was made";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "config.token is missing");
  }
}

TEST(FakeHost, AFailureWithoutATextIsNoSuccess) {
  FakeHost host{{"token", "t"}}, silent{{"token", "silent"}};
  HookedPlugin<Tolls> plugin(host);
  EXPECT_EQ(plugin.on_response({.status = 298}), "failed without a text");
  EXPECT_EQ(plugin.map_error({.status = 409}), "") << "no words are no failure";
  EXPECT_THROW(HookedPlugin<Tolls> refused(silent), std::runtime_error);
}

TEST(FakeHost, AStreamedBodyIsNotSeen) {
  FakeHost host{{"token", "t"}};
  HookedPlugin<Tolls> plugin(host);
  FakeRequest request{.endpoint = "X-Body", .body = "b", .body_streamed = true};
  EXPECT_EQ(plugin.on_request(request), "");
  EXPECT_EQ(request.headers["X-Body"], "");
}

TEST(FakeHost, RefusesTheHeadersThatTheEngineRefuses) {
  FakeHost host;
  FakeRequest request;
  for (const std::string name : {"X-A",
                                 "Authorization",
                                 "Host",
                                 "host",
                                 "Content-Length",
                                 "Transfer-Encoding",
                                 "Connection",
                                 "Upgrade",
                                 "TE",
                                 "Trailer",
                                 "Keep-Alive",
                                 "Expect",
                                 "Proxy-Authorization",
                                 "proxy-a",
                                 "Proxy-",
                                 "Proxy",
                                 "",
                                 "a b",
                                 "a:b",
                                 "x\r\n",
                                 "Cookie",
                                 "Content-Type"})
    for (const std::string value : {"v", "", "a\tb", "a\r\nb", "\x7f", "\xc3\xa9"}) {
      const bool real =
          wire::is_token(name) && wire::is_field_value(value) && !wire::is_reserved_header(name);
      const bool fake = host.raw()->request_set_header(reinterpret_cast<capi_request*>(&request),
                                                       str(name), str(value)) >= 0;
      EXPECT_EQ(fake, real) << "'" << name << "': '" << value << "'";
    }
}

}  // namespace
}  // namespace callerapi::testing
