// What must not be gone through once a second, or after a reload, however many services there are.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "caller/host.hpp"
#include "support/static_plugin.hpp"

namespace callerapi::caller {
namespace {

TEST(ManyServices, OnlyThoseFoundByNameAreAskedWhereTheyRun) {
  std::string text = "schema = 1\n[defaults]\n";
  for (int i = 0; i < 1'000; ++i) {
    text += "[services.s" + std::to_string(i) + "]\nplugin = \"static:echo\"\n";
    text += "base_url = \"http://127.0.0.1:1\"\n";
    if (i % 2 == 0) text += "instances = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n";
  }
  text +=
      "[services.named]\nplugin = \"static:echo\"\nbase_url = \"http://localhost:1\"\n"
      "discovery = \"dns\"\n";
  Options options;
  options.static_plugins = {support::echo_plugin()};
  options.environment.emplace();
  const auto host = Host::open({{}, text}, std::move(options)).value();
  const auto snapshot = host->snapshot();
  EXPECT_EQ(snapshot->services.size(), 1'001u);
  ASSERT_EQ(snapshot->discovering.size(), 1u);
  EXPECT_EQ(snapshot->discovering.front()->name, "named");
}

}  // namespace
}  // namespace callerapi::caller
