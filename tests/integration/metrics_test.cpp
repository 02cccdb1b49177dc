// What is measured of calls, and the record of each.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/outcomes.hpp"
#include "caller/metric_table.hpp"
#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/exposition.hpp"
#include "support/scripted_server.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

using namespace std::chrono_literals;
using support::read_exposition;
using testing::failure;
using testing::json_response;
using testing::ScriptedTransport;

Caller caller_of(const std::shared_ptr<testing::Transport>& transport,
                 const std::string& settings = "", const std::string& url = "http://echo.test") {
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = transport;
  return Caller::from_toml("schema = 1\n[services.echo]\nplugin = \"static:echo\"\nbase_url = \"" +
                               url + "\"\nretry.base = \"1ms\"\n" + settings,
                           std::move(options))
      .value();
}

Request get() { return Request{}.path("id", "1"); }
Request post() { return Request{}.json_text("{}"); }

Result<Response> reset(const testing::SeenRequest&) {
  return failure(Outcome::connection_reset, Sent::maybe);
}

const std::string attempts_of =
    "http_client_request_duration_seconds_count{service=\"echo\",http_request_method=\"GET\","
    "server_address=\"echo.test\",server_port=\"80\",";

TEST(Metrics, EachAttemptAndEachCallIsMeasuredOnce) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->once("echo", "get", json_response("busy", 503))
      .once("echo", "get", failure(Outcome::connection_reset, Sent::maybe))
      .once("echo", "get", failure(Outcome::connection_reset, Sent::maybe))
      .once("echo", "create", failure(Outcome::connection_reset, Sent::maybe))
      .on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport);
  EXPECT_FALSE(caller.call("echo", "get", get())) << "503, reset";
  EXPECT_TRUE(caller.call("echo", "get", get())) << "reset, 200";
  EXPECT_TRUE(caller.start("echo", "get", get()).get());
  EXPECT_TRUE(caller.request("echo", "GET", "/x").has_value() == false) << "nothing scripted";
  EXPECT_FALSE(caller.call("echo", "create", post()));

  const auto seen = read_exposition(caller.metrics_text());

  EXPECT_EQ(seen.faults, std::vector<std::string>{});
  const std::string path = "network_protocol_version=\"1.1\",url_template=\"/echo/{id}\"}";
  EXPECT_EQ(seen.value(attempts_of + "http_response_status_code=\"200\"," + path), 2);
  EXPECT_EQ(
      seen.value(attempts_of + "http_response_status_code=\"503\",error_type=\"503\"," + path), 1);
  EXPECT_EQ(seen.value(attempts_of + "error_type=\"connection_reset\"," + path), 2);
  const std::string of = "{service=\"echo\",endpoint=\"get\"";
  EXPECT_EQ(seen.value("callerapi_call_duration_seconds_count" + of + ",outcome=\"ok\"}"), 2);
  EXPECT_EQ(seen.value("callerapi_call_duration_seconds_count" + of + ",outcome=\"error\"}"), 1);
  EXPECT_EQ(seen.value("callerapi_call_attempts_total" + of + "}"), 5);
  EXPECT_EQ(seen.value("callerapi_retry_count_total" + of + ",reason=\"503\"}"), 1);
  EXPECT_EQ(seen.value("callerapi_retry_count_total" + of + ",reason=\"connection_reset\"}"), 1);
  EXPECT_EQ(seen.value("callerapi_retry_stopped_total" + of + ",stop_reason=\"attempts\"}"), 1);
  EXPECT_EQ(seen.value("callerapi_retry_stopped_total{service=\"echo\",endpoint=\"create\","
                       "stop_reason=\"idempotency\"}"),
            1);
  EXPECT_EQ(seen.value("callerapi_retry_delay_seconds_count" + of + "}"), 2);
  EXPECT_EQ(seen.value("callerapi_inflight{service=\"echo\"}"), 0);
  EXPECT_EQ(seen.value("callerapi_config_reload_total{result=\"applied\"}"), 1);
}

TEST(Metrics, CountersGoOnAcrossAReload) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport);
  ASSERT_TRUE(caller.call("echo", "get", get()));
  ASSERT_TRUE(caller.reload());
  ASSERT_TRUE(caller.call("echo", "get", get()));

  EXPECT_EQ(read_exposition(caller.metrics_text())
                .value("callerapi_call_attempts_total{service=\"echo\",endpoint=\"get\"}"),
            2);
}

TEST(Metrics, EverySampleIsOfTheTableAndHasItsLabels) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of(transport);
  ASSERT_TRUE(caller.call("echo", "get", get()));

  const auto seen = read_exposition(caller.metrics_text());
  for (const auto& [family, type] : seen.types) {
    const auto& row = caller::metric(family);
    EXPECT_EQ(row.prometheus, family);
    EXPECT_EQ(name(row.type), type);
  }
}

TEST(Metrics, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool (Debian package prometheus) is not installed";
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("busy", 503));
  Caller caller = caller_of(transport);
  ASSERT_TRUE(caller.call("echo", "get", get()));

  FILE* promtool = ::popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = caller.metrics_text();
  std::fwrite(text.data(), 1, text.size(), promtool);
  EXPECT_EQ(::pclose(promtool), 0);
}

/// Makes each failure a transport can bring, and looks at the words that come out.
TEST(S19, N19_EveryErrorTypeIsAnOutcomeOrAStatus) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}"));
  Caller caller = caller_of(transport, "retry.max_attempts = 1\n");
  // In small groups: beyond eleven results of an endpoint all are one series.
  std::size_t fresh = 0;
  const auto check = [&] {
    const auto seen = read_exposition(caller.metrics_text());
    EXPECT_EQ(seen.faults, std::vector<std::string>{});
    for (const auto& [sample, value] : seen.samples) {
      const auto at = sample.find("error_type=\"");
      if (at == std::string::npos) continue;
      const std::string word = sample.substr(at + 12, sample.find('"', at + 12) - at - 12);
      const bool outcome = std::ranges::any_of(base::outcome_rows(),
                                               [&](const auto& row) { return row.name == word; });
      const bool status = word.size() == 3 && word[0] >= '4' && word[0] <= '9';
      EXPECT_TRUE(outcome || status || word == "_OTHER") << word;
      if (outcome || status) ++fresh;
    }
  };
  for (const auto& row : base::outcome_rows()) {
    if (row.outcome == Outcome::ok) continue;
    transport->once("echo", "get", failure(row.outcome, row.sent));
    (void)caller.call("echo", "get", get());
    check();
  }
  EXPECT_GT(fresh, 0u);
}

TEST(CallRecord, TellsEachAttemptAndItsTimesAddUpToTheCall) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->once("echo", "get", failure(Outcome::stale_connection, Sent::no))
      .once("echo", "get", json_response("busy", 503))
      .on("echo", "get", reset);
  Caller caller = caller_of(transport);

  const auto answer = caller.call("echo", "get", get().timeout(7s));

  ASSERT_FALSE(answer);
  ASSERT_TRUE(answer.error().record);
  const CallRecord& record = *answer.error().record;
  EXPECT_EQ(record.call_id.size(), 36u);
  EXPECT_EQ(record.service, "echo");
  EXPECT_EQ(record.endpoint, "get");
  EXPECT_EQ(record.deadline, 7s);
  EXPECT_EQ(record.deadline_from, "the timeout of the call");
  EXPECT_EQ(record.outcome, Outcome::connection_reset);
  ASSERT_EQ(record.attempts.size(), 3u);
  EXPECT_EQ(record.attempts[0].kind, "first");
  EXPECT_EQ(record.attempts[0].decision, "retry");
  EXPECT_EQ(record.attempts[1].kind, "transparent");
  EXPECT_EQ(record.attempts[1].status, 503);
  EXPECT_EQ(record.attempts[2].kind, "retry");
  EXPECT_EQ(record.attempts[2].outcome, Outcome::connection_reset);
  EXPECT_EQ(record.attempts[2].decision, "end");
  EXPECT_EQ(record.attempts[2].stop_reason, "attempts");
  Duration attempts{0};
  for (const AttemptRecord& attempt : record.attempts) attempts += attempt.time.total();
  EXPECT_EQ(attempts, record.time.total());
  EXPECT_EQ(caller.recent_calls().back(), answer.error().record);
}

TEST(CallRecord, IsKeptOfWhatFailedOrWasRetriedAndOfNothingElse) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "get", json_response("{}")).on("echo", "create", reset);
  Caller caller = caller_of(transport);

  const auto plain = caller.call("echo", "get", get());
  EXPECT_EQ(plain->record, nullptr);
  EXPECT_TRUE(caller.recent_calls().empty());
  EXPECT_TRUE(caller.call("echo", "get", get().explain())->record);
  for (int i = 0; i < 200; ++i) (void)caller.call("echo", "create", post());
  EXPECT_EQ(caller.recent_calls().size(), 128u);
}

TEST(CallRecord, AMessageSaysWhyARetryThatSeemedPossibleWasNotMade) {
  auto transport = std::make_shared<ScriptedTransport>();
  transport->on("echo", "create", reset).on("echo", "get", reset);
  Caller caller = caller_of(transport);
  Context context;
  context.allowance = std::make_shared<Allowance>(0);

  const auto once = caller.call("echo", "create", post());
  const auto spent = caller.call("echo", "get", get().context(context));
  const auto twice = caller.call("echo", "get", get());

  EXPECT_TRUE(once.error().message.ends_with("; not retried: idempotency")) << once.error().message;
  EXPECT_TRUE(spent.error().message.ends_with("; not retried: allowance")) << spent.error().message;
  EXPECT_EQ(twice.error().message.find("not retried"), std::string::npos);
}

TEST(CallRecord, NamesTheInstanceAndThePhasesOfARealCall) {
  support::ScriptedServer server([](const auto&) { return support::Script{support::ok("{}")}; });
  Caller caller = caller_of(nullptr, "", server.url());

  const auto answer = caller.start("echo", "get", get().explain()).get();

  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->record);
  const auto& attempt = answer->record->attempts.at(0);
  EXPECT_EQ(attempt.instance, "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_GT(attempt.time.connect, 0ns);
  EXPECT_EQ(attempt.time.total(), answer->record->time.total());
  const auto seen = read_exposition(caller.metrics_text());
  EXPECT_EQ(
      seen.value("callerapi_phase_duration_seconds_count{service=\"echo\",phase=\"connect\"}"), 1);
}

TEST(Secrets, OfATargetTheValuesOfSignaturesAreHidden) {
  EXPECT_EQ(without_secrets("/a/b"), "/a/b");
  EXPECT_EQ(without_secrets("/a?x=1&X-Amz-Signature=abc&y=2"),
            "/a?x=1&X-Amz-Signature=(hidden)&y=2");
  EXPECT_EQ(without_secrets("/a?sig=abc"), "/a?sig=(hidden)");
  EXPECT_EQ(without_secrets("/a?&=&sig"), "/a?&=&sig=(hidden)");
  EXPECT_EQ(without_secrets("/a?"), "/a?");
  EXPECT_EQ(without_secrets("/a?X-Amz%2dSignature=abc&%73ig=b&x%2=1&%=2"),
            "/a?X-Amz%2dSignature=(hidden)&%73ig=(hidden)&x%2=1&%=2")
      << "the service reads it as the same name";
  for (const char* const key :
       {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId",
        "Signature", "sig", "X-Goog-Signature", "api_key", "access_token"})
    EXPECT_EQ(without_secrets(std::string("/a?") + key + "=abc&z=1"),
              std::string("/a?") + key + "=(hidden)&z=1");
}

TEST(Secrets, OfAUrlUserAndPasswordAreHidden) {
  EXPECT_EQ(without_secrets("http://me:pass@example.test:80/a?sig=b"),
            "http://(hidden)@example.test:80/a?sig=(hidden)");
  EXPECT_EQ(without_secrets("https://a@b@example.test"), "https://(hidden)@example.test");
  EXPECT_EQ(without_secrets("http://example.test/~me@home?x=a@b"),
            "http://example.test/~me@home?x=a@b");
  EXPECT_EQ(without_secrets("/a//b:c@d"), "/a//b:c@d") << "a path";
  EXPECT_EQ(without_secrets("//me:pass@example.test"), "//(hidden)@example.test");
}

TEST(Secrets, OfAHeaderThatHoldsACredentialTheValueIsHidden) {
  for (const char* const name : {"Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization",
                                 "Idempotency-Key", "X-Api-Key"})
    EXPECT_TRUE(is_secret_header(name)) << name;
  EXPECT_TRUE(is_secret_header("authorization"));
  EXPECT_FALSE(is_secret_header("Accept"));
}

}  // namespace
}  // namespace callerapi
