#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "callerapi/caller.hpp"
#include "callerapi/testing.hpp"
#include "support/refused_registries.hpp"
#include "support/static_plugin.hpp"

namespace callerapi {
namespace {

namespace fs = std::filesystem;

/// What is said of it under another name.
std::string said(const support::RefusedRegistry& sample, const std::string& name) {
  std::string text = sample.message;
  for (auto at = text.find(sample.name); at != std::string::npos; at = text.find(sample.name))
    text.replace(at, sample.name.size(), name);
  return text;
}

/// Semantics S19, test 18: whatever is wrong with a new registry, the old one stays in force whole.
TEST(S19, N18_ARefusedRegistryLeavesTheOldOneInForce) {
  std::string pattern = (fs::temp_directory_path() / "callerapi-refused-XXXXXX").string();
  const fs::path folder = ::mkdtemp(pattern.data());
  const auto write = [&](const std::string& text) {
    std::ofstream(folder / "registry.toml") << text;
  };
  write(
      "schema = 1\n[services.billing]\nplugin = \"static:echo\"\nbase_url = \"http://echo.test\"\n"
      "timeouts.total = \"7s\"\n");
  const auto services = std::make_shared<testing::ScriptedTransport>();
  services->on("billing", "get", testing::json_response("{}"));
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  options.transport = services;
  options.watch = false;
  Caller caller = Caller::open((folder / "registry.toml").string(), std::move(options)).value();
  const std::uint64_t generation = caller.stats().generation;

  const auto samples = support::refused_registries(CALLERAPI_TEST_SOURCE);
  for (const support::RefusedRegistry& sample : samples) {
    write(sample.text);

    const auto reloaded = caller.reload();

    ASSERT_FALSE(reloaded) << sample.name;
    EXPECT_EQ(reloaded.error().message, said(sample, "registry.toml"));
    EXPECT_EQ(caller.stats().generation, generation) << sample.name;
    EXPECT_TRUE(caller.call("billing", "get", Request{}.path("id", "1"))) << sample.name;
  }

  EXPECT_EQ(caller.stats().reloads_refused, samples.size());
  EXPECT_EQ(caller.services().size(), 1u);
  fs::remove_all(folder);
}

TEST(FromToml, WithoutAWorkingDirectoryIsRefused) {
  const fs::path before = fs::current_path();
  std::string pattern = (fs::temp_directory_path() / "callerapi-gone-XXXXXX").string();
  const fs::path folder = ::mkdtemp(pattern.data());
  fs::current_path(folder);
  fs::remove(folder);
  const auto opened = Caller::from_toml("schema = 1\n");
  fs::current_path(before);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().outcome, Outcome::registry_invalid);
  EXPECT_EQ(opened.error().message,
            "registry: relative paths start at the working directory, which cannot be found: No "
            "such file or directory; change to one that is there");
}

}  // namespace
}  // namespace callerapi
