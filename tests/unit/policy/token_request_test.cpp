#include "policy/token_request.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

const ClientCredentials asks{.service = "login",
                             .path = "/oauth/token",
                             .client_id = "my app",
                             .client_secret = "s3:cr%t",
                             .scope = "",
                             .audience = ""};

Result<Response> answer(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

std::string message(Result<Response> response) {
  const auto grant = read_grant(asks, response);
  return grant ? "granted" : grant.error().message;
}

TEST(TokenRequest, CarriesTheClientInTheFieldAndTheGrantInTheForm) {
  const Request request = token_request(asks);
  // base64 of "my+app:s3%3Acr%25t": both parts are form-encoded first (RFC 6749 2.3.1).
  EXPECT_EQ(request.headers.get("Authorization"), "Basic bXkrYXBwOnMzJTNBY3IlMjV0");
  const auto& form = std::get<Request::Form>(request.payload);
  EXPECT_EQ(form.fields, (Request::Pairs{{"grant_type", "client_credentials"}}));
}

TEST(TokenRequest, NamesScopeAndAudienceWhereTheyAreGiven) {
  ClientCredentials more = asks;
  more.scope = "read write";
  more.audience = "https://billing.example";
  const Request request = token_request(more);
  EXPECT_EQ(std::get<Request::Form>(request.payload).fields,
            (Request::Pairs{{"grant_type", "client_credentials"},
                            {"scope", "read write"},
                            {"audience", "https://billing.example"}}));
}

TEST(TokenAnswer, IsTheTokenAndItsLifetime) {
  const auto grant = read_grant(
      asks, answer(200, R"({"access_token":"abc","token_type":"bearer","expires_in":3600})"));
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->authorization, "Bearer abc");
  EXPECT_EQ(grant->lifetime, 1h);
}

TEST(TokenAnswer, MayLeaveOutTheLifetimeAndWriteItAsText) {
  EXPECT_EQ(read_grant(asks, answer(200, R"({"access_token":"a"})"))->lifetime, std::nullopt);
  EXPECT_EQ(read_grant(asks, answer(200, R"({"access_token":"a","expires_in":"60"})"))->lifetime,
            60s);
}

TEST(TokenAnswer, ThatCannotBeUsedSaysWhatIsWrongAndShowsNothingOfIt) {
  const std::string begins = "no token from login /oauth/token: ";
  EXPECT_EQ(message(answer(200, "s3cret")), begins + "its answer is not JSON");
  const std::string none = begins + "its answer holds no access_token that can be sent";
  EXPECT_EQ(message(answer(200, R"({"token":"s3cret"})")), none);
  EXPECT_EQ(message(answer(200, R"({"access_token":""})")), none);
  EXPECT_EQ(message(answer(200, R"(["s3cret"])")), none);
  EXPECT_EQ(message(answer(200, "null")), none);
  EXPECT_EQ(message(answer(200, R"({"access_token":"a\r\nX-Evil: 1"})")), none);
  EXPECT_EQ(message(answer(200, R"({"access_token":"a","token_type":"mac"})")),
            begins + "its token_type is not Bearer, the only one that is known here");
  for (const char* life : {"0", "-1", "\"soon\"", "true"})
    EXPECT_EQ(
        message(answer(200, std::string(R"({"access_token":"a","expires_in":)") + life + "}")),
        begins + "its expires_in is no whole number of seconds above 0");
}

TEST(TokenAnswer, OfARefusalShowsStatusAndErrorCodeAndNoMore) {
  const std::string begins = "no token from login /oauth/token: it answered ";
  const std::string ends = "; check client_id, client_secret and scope of [services.X.auth]";
  EXPECT_EQ(message(answer(401, R"({"error":"invalid_client","error_description":"s3cret"})")),
            begins + "401, error invalid_client" + ends);
  EXPECT_EQ(message(answer(400, R"({"error":"the secret is s3cret"})")), begins + "400" + ends);
  EXPECT_EQ(message(answer(302, "")), begins + "302" + ends);
}

TEST(TokenAnswer, ThatNeverCameSaysWhatBecameOfTheCall) {
  EXPECT_EQ(message(Error{.outcome = Outcome::connect_error,
                          .reason = "refused",
                          .message = "login POST: connect_error: connection refused"}),
            "no token from login /oauth/token: login POST: connect_error: connection refused");
  EXPECT_EQ(read_grant(asks, Error{}).error().outcome, Outcome::auth_error);
}

}  // namespace
}  // namespace callerapi::policy
