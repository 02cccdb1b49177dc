#include "catalogue/keys.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "catalogue/resolve.hpp"

namespace callerapi::catalogue {
namespace {

TEST(Keys, NamesAreUniqueAndDocumented) {
  std::set<std::string_view> seen;
  for (const Key& key : keys()) {
    EXPECT_TRUE(seen.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.doc.empty()) << key.name;
    EXPECT_EQ(find_key(key.name), &key);
    EXPECT_TRUE(is_setting(key.name));
  }
}

TEST(Keys, BuiltInValuesAreThoseOfTheSettings) {
  const Effective built_in = resolve({}).value();
  EXPECT_EQ(built_in.pool, pool::Settings{});
  policy::Settings policy = built_in.policy;
  policy.headers.clear();  // The built-in Accept is no key.
  EXPECT_EQ(policy, policy::Settings{});
}

TEST(Keys, EveryKeyChangesSomethingOfItsOwn) {
  for (const Key& key : keys()) {
    Effective low, high;
    if (key.set_text != nullptr) {
      key.set_text(high, "X-Other");
    } else {
      key.set(low, key.min);
      key.set(high, key.max);
    }
    const bool policy = low.policy != high.policy;
    policy::LimitSettings limits = low.policy.limits;
    limits.priority = high.policy.limits.priority;  // of each endpoint
    const bool pool = low.pool != high.pool;
    EXPECT_NE(policy, pool) << key.name << " belongs to one of the two";
    const bool shared =
        low.policy.budget != high.policy.budget || low.policy.breaker != high.policy.breaker ||
        limits != high.policy.limits || low.policy.balance != high.policy.balance ||
        low.policy.ejection != high.policy.ejection || low.policy.check != high.policy.check;
    EXPECT_EQ(key.service_only, pool || shared) << key.name << ": endpoints share it";
  }
}

struct BadValue {
  const char *key, *value, *message;
};
class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, SayWhatWasSeenAndWhatIsRight) {
  const auto checked = check_value(GetParam().key, GetParam().value);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().outcome, Outcome::registry_invalid);
  EXPECT_EQ(checked.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadValues,
    testing::Values(
        BadValue{"timeouts.total", "2",
                 "expected a duration such as \"2s\" or \"500ms\", saw \"2\""},
        BadValue{"timeouts.total", "0s", "expected 1ms to 1d, saw \"0s\""},
        BadValue{"retry.max_attempts", "6", "expected 1 to 5, saw \"6\""},
        BadValue{"retry.max_attempts", "0", "expected 1 to 5, saw \"0\""},
        BadValue{"retry.max_attempts", "2x", "expected a whole number such as 3, saw \"2x\""},
        BadValue{"retry.on_500", "yes", "expected true or false, saw \"yes\""},
        BadValue{"retry.budget_ratio", "0.1",
                 "expected a share such as \"10%\" or \"2.5%\", saw \"0.1\""},
        BadValue{"retry.budget_ratio", "10",
                 "expected a share such as \"10%\" or \"2.5%\", saw \"10\""},
        BadValue{"retry.budget_ratio", "1.25%",
                 "expected a share such as \"10%\" or \"2.5%\", saw \"1.25%\""},
        BadValue{"retry.budget_ratio", "101%", "expected 0% to 100%, saw \"101%\""},
        BadValue{"breaker.failure_ratio", "0%", "expected 0.1% to 100%, saw \"0%\""},
        BadValue{"breaker.mode", "On",
                 "expected one of off, dark, on, forced_open, forced_closed, saw \"On\""},
        BadValue{"balance.policy", "random",
                 "expected one of p2c_ewma, round_robin, least_request, first, ring_hash, saw "
                 "\"random\""},
        BadValue{"ejection.max_percent", "0", "expected 1 to 100, saw \"0\""},
        BadValue{"check.path", "health",
                 "expected a path such as \"/health\", or off, saw \"health\""},
        BadValue{"check.path", "/a b", "expected a path such as \"/health\", or off, saw \"/a b\""},
        BadValue{"check.path", "", "expected a path such as \"/health\", or off, saw \"\""},
        BadValue{"check.interval", "500ms", "expected 1s to 1h, saw \"500ms\""},
        BadValue{"limits.response_body", "16MB",
                 "expected a size such as \"16MiB\" or \"64KiB\", saw \"16MB\""},
        BadValue{"headers.X-A", "a\r\nb",
                 "holds a control byte; only visible characters may be sent"},
        BadValue{"timeouts", "ruby",
                 "expected a table of timeouts or the preset \"python\", saw \"ruby\""}));

TEST(Keys, EveryValueIsWrittenSoThatItCanBeRead) {
  for (const Key& key : keys()) {
    if (key.set_text != nullptr) continue;
    for (const std::int64_t value : {key.min, key.max})
      EXPECT_EQ(parse_value(key, value_text(key, value)).value(), value) << key.name;
  }
  EXPECT_EQ(parse_value(*find_key("retry.budget_ratio"), "2.5%").value(), 25);
  EXPECT_EQ(value_text(*find_key("retry.budget_ratio"), 25), "2.5%");
}

TEST(Keys, HeadersOfTheFramingCannotBeSet) {
  EXPECT_TRUE(is_setting("headers.X-Tenant"));
  for (const char* bad : {"headers.host", "headers.Content-Length", "headers.Transfer-Encoding",
                          "headers.", "headers.a b"})
    EXPECT_FALSE(is_setting(bad)) << bad;
}

TEST(Keys, AFieldOfTheEnginesMayHaveAnyNameThatNothingElseGoesBy) {
  const Key& key = *find_key("header_names.idempotency_key");
  EXPECT_TRUE(check_value(key.name, "PayPal-Request-Id"));
  EXPECT_TRUE(check_value(key.name, "Idempotency-Key")) << "the built-in one, a secret or not";
  for (const char* bad : {"", "a b", "Host", "transfer-encoding", "Authorization", "Cookie"})
    EXPECT_EQ(check_value(key.name, bad).error().reason, "header_name") << bad;
}

}  // namespace
}  // namespace callerapi::catalogue
