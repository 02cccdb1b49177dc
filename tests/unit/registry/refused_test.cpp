// Semantics S19, test 18: every rule of the registry has a sample that breaks it and nothing else,
// and what is said begins with file, line and column. A new rule gets a file beside the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/keys.hpp"
#include "catalogue/resolve.hpp"
#include "registry/registry.hpp"
#include "support/refused_registries.hpp"

namespace callerapi::registry {
namespace {

using support::RefusedRegistry;

const std::vector<RefusedRegistry>& samples() {
  static const auto all = support::refused_registries(CALLERAPI_TEST_SOURCE);
  return all;
}

/// What is found over built-in values has a word more as long as no plugin is asked.
std::string as_when_loaded(std::string message) {
  const std::string hint = "; if the plugin sets that, set it here as well";
  if (message.ends_with(hint)) message.resize(message.size() - hint.size());
  return message;
}

/// Every fault that is found, before plugins have their say.
std::vector<Error> faults_of(const std::string& text, const std::string& name) {
  std::vector<Error> faults;
  const auto parsed = parse_registry(text, name, "/etc/app", {}, &faults);
  if (!parsed && faults.empty()) return {parsed.error()};
  if (!parsed) return faults;
  for (const ServiceEntry& service : parsed->services) {
    const auto& l = service.layers;
    auto resolved =
        catalogue::resolve({.defaults = &l.defaults, .service = &l.service, .clamps = &l.clamps});
    if (!resolved) faults.push_back(std::move(resolved).error());
  }
  return faults;
}

class S19N18 : public ::testing::TestWithParam<RefusedRegistry> {};
TEST_P(S19N18, IsRefusedForThatAloneWithItsPlace) {
  const RefusedRegistry& sample = GetParam();
  const auto faults = faults_of(sample.text, sample.name);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].outcome, Outcome::registry_invalid);
  EXPECT_EQ(faults[0].reason, sample.reason);
  EXPECT_EQ(as_when_loaded(faults[0].message), sample.message);
  EXPECT_TRUE(sample.message.starts_with(sample.name + ":"));
}
INSTANTIATE_TEST_SUITE_P(Registry, S19N18, ::testing::ValuesIn(samples()), [](const auto& sample) {
  return sample.param.name.substr(0, sample.param.name.find('.'));
});

/// Is there a sample whose message has both?
bool has_sample(const std::string& one, const std::string& other) {
  return std::ranges::any_of(samples(), [&](const RefusedRegistry& sample) {
    return sample.message.find(one) != std::string::npos &&
           sample.message.find(other) != std::string::npos;
  });
}

TEST(S19, N18_EveryPairOfKeysThatBoundEachOtherHasASample) {
  EXPECT_EQ(catalogue::bounds().size(), 7u);
  for (const catalogue::Bound& bound : catalogue::bounds())
    EXPECT_TRUE(has_sample("." + std::string(bound.low) + ": ",
                           "is more than " + std::string(bound.high) + ","))
        << bound.low << " <= " << bound.high;
}

/// What is said of the service `s` with `key = value` in line 5.
std::string said_of(const catalogue::Key& key, const std::string& value) {
  const auto faults = faults_of(
      "schema = 1\n[services.s]\nplugin = \"http\"\n"
      "base_url = \"http://h\"\n" +
          std::string(key.name) + " = " + value + "\n",
      "registry.toml");
  return faults.size() == 1 ? faults[0].message : std::to_string(faults.size()) + " faults";
}

TEST(S19, N18_EveryKeyRefusesAnotherTypeAndWhatIsOutOfRangeWithItsPlace) {
  using enum catalogue::KeyType;
  for (const catalogue::Key& key : catalogue::keys()) {
    const std::string begins = "registry.toml:5:" + std::to_string(key.name.size() + 4) +
                               ": services.s." + std::string(key.name) + ": expected ";
    const bool quoted = key.type != integer && key.type != boolean;
    // A size may be a number of bytes.
    const std::string wrong = said_of(key, key.type == size ? "true" : quoted ? "7" : "\"7\"");
    EXPECT_TRUE(wrong.starts_with(begins)) << wrong;
    if (key.type == boolean || key.type == choice || key.set_text != nullptr) continue;
    const std::string much = value_text(key, 2 * key.max);
    const std::string far = said_of(key, quoted ? "\"" + much + "\"" : much);
    EXPECT_EQ(far, begins + range_text(key) + ", saw \"" + much + "\"");
  }
}

}  // namespace
}  // namespace callerapi::registry
